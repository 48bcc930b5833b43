// What changes elsewhere is shown here within two seconds; while somebody drags or types it waits and says so.
// What is typed is kept on the server. Every page works without it.
"use strict";
(() => {
  const TYPED = "input:not([type=hidden]), textarea, select";
  let source = null, address = "", waiting = null, timer = 0, unsaved = null;

  const home = () => document.querySelector("[data-live]");

  function isTyped(field) {
    if (field.matches("[type=radio], [type=checkbox]")) return field.checked !== field.defaultChecked;
    if (field.matches("select")) {
      const first = [...field.options].findIndex((one) => one.defaultSelected);
      return field.selectedIndex !== Math.max(0, first);
    }
    return field.value !== field.defaultValue;
  }

  function isBusy(at) {
    const writes = at.contains(document.activeElement) && document.activeElement.matches(TYPED);
    return document.body.classList.contains("dragging") || writes || Boolean(at.querySelector("details.move[open]"))
      || Boolean(document.querySelector("dialog[open]")) || [...at.querySelectorAll(TYPED)].some(isTyped);
  }

  // ------------------------------------------------------------ what changed

  function follow() {
    const at = home(), wanted = at && !document.hidden ? at.dataset.live : "";
    if (wanted === address) return;
    source?.close();
    source = null;
    waiting = null;
    address = wanted;
    if (!wanted) return;
    source = new EventSource(wanted);
    source.addEventListener("changed", (event) => changed(JSON.parse(event.data)));
    source.addEventListener("ended", ended);
    source.addEventListener("here", (event) => here(JSON.parse(event.data)));
  }

  // The session was ended elsewhere: nothing more is told here.
  function ended() {
    source?.close();
    if (home()) notice(home(), "Your session has ended. What you typed is kept.", "Sign in", () => location.assign(location.href));
  }

  function changed(told) {
    const at = home();
    if (!at) return;
    if (isBusy(at)) say(at, told);
    else setTimeout(show, 200 * Math.random());
  }

  function say(at, told) {
    waiting = told;
    const text = told.length ? `Meanwhile: ${told.join(", then ")}.` : "This has changed meanwhile.";
    notice(at, `${text} What you typed stays.`, "Show it as it is now", async () => { await save(); show(); });
  }

  function notice(at, text, label, act) {
    let told = document.getElementById("meanwhile");
    if (!told) {
      told = document.createElement("div");
      told.id = "meanwhile";
      told.className = "told stale";
      told.setAttribute("role", "status");
      at.prepend(told);
    }
    const line = document.createElement("p"), button = document.createElement("button");
    line.textContent = text;
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", act);
    told.replaceChildren(line, button);
  }

  async function show() {
    const at = home();
    if (!at) return;
    waiting = null;
    let answer;
    try {
      answer = await fetch(location.href, {headers: {Accept: "text/html"}});
    } catch {
      return;
    }
    if (answer.url.includes("/sign-in")) {
      ended();
      return;
    }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(at.id);
    if (!fresh || !at.isConnected || document.body.classList.contains("dragging")) return;
    const row = document.activeElement?.matches("[data-row]") ? document.activeElement.getAttribute("href") : null;
    at.replaceWith(document.adoptNode(fresh));
    window.htmx?.process(fresh);
    if (row) [...fresh.querySelectorAll("[data-row]")].find((one) => one.getAttribute("href") === row)?.focus();
    fresh.dispatchEvent(new CustomEvent("mrq:shown", {bubbles: true}));
  }

  // What waited is shown once nobody drags or types any more.
  const settle = () => setTimeout(() => {
    const at = home();
    if (waiting && at && !isBusy(at)) show();
  }, 300);

  function here(names) {
    const at = document.querySelector("[data-here]");
    if (!at) return;
    at.textContent = names.length ? `${names.join(", ")} ${names.length > 1 ? "look" : "looks"} at it too.` : "";
    at.hidden = !names.length;
  }

  // Ages and deadlines go on by themselves.
  setInterval(() => {
    const at = home();
    if (at && !document.hidden && !at.dataset.draft && !isBusy(at)) show();
  }, 60000);

  // ------------------------------------------------------------ what is typed

  function save() {
    clearTimeout(timer);
    const form = unsaved, at = form?.closest("[data-draft]");
    unsaved = null;
    if (!at) return Promise.resolve();
    const body = new URLSearchParams(new FormData(form));
    body.set("draft", new URL(form.action).pathname.split("/").pop());
    return fetch(at.dataset.draft, {method: "POST", body, keepalive: true}).catch(() => {});
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.closest("[data-draft]") || form.method !== "post") return;
    const first = !unsaved;
    unsaved = form;
    clearTimeout(timer);
    timer = setTimeout(save, first && form.dataset.kept === undefined ? 0 : 1500);
    form.dataset.kept = "";
  });
  document.addEventListener("submit", () => clearTimeout(timer), true);
  addEventListener("pagehide", save);

  // ------------------------------------------------------------

  new MutationObserver(() => requestAnimationFrame(follow)).observe(document.documentElement, {childList: true, subtree: true});
  document.addEventListener("visibilitychange", follow);
  document.addEventListener("focusout", settle);
  document.addEventListener("mrq:dropped", settle);
  addEventListener("pagehide", () => { source?.close(); source = null; address = ""; });
  addEventListener("pageshow", follow);
  follow();
})();
