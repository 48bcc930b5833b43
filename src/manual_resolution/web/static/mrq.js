// The console's own script: keys, and what makes waiting and typing calmer. Every page works without it.
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const writing = (at) => at?.matches?.("input:not([type=radio], [type=checkbox]), textarea, select");
  const soon = (act) => requestAnimationFrame(act);

  // ------------------------------------------------------------ keys

  const LISTED = [["1 … 9", "Choose an option", "[data-digit]"], ["Enter", "Decide, from the reason", "[data-decides]"],
    ["j k", "Down and up the list; Enter opens", "[data-row]"], ["x", "Select the row", ".pick"], ["Esc", "Leave a field, close what is open", "main"]];

  function listKeys() {
    const list = document.querySelector("#keys dl");
    const found = all("[data-key]").map((one) => [one.dataset.key, one.dataset.does]);
    const fixed = LISTED.filter(([, , where]) => all(where).length).map(([key, does]) => [key, does]);
    list.replaceChildren(...[...fixed, ...found].flatMap(([key, does]) => {
      const dt = document.createElement("dt"), dd = document.createElement("dd"), kbd = document.createElement("kbd");
      kbd.textContent = key;
      dt.append(kbd);
      dd.textContent = does;
      return [dt, dd];
    }));
  }

  function choose(digit) {
    const radio = document.querySelector(`[data-digit="${digit}"]`);
    if (!radio) return false;
    radio.click();
    const option = radio.closest(".option");
    soon(() => {
      const first = option.querySelector(".asks input, .asks select") || document.querySelector("[data-why]");
      first.focus();
      first.select?.();
    });
    return true;
  }

  function step(by) {
    const rows = all("[data-row]"), at = rows.indexOf(document.activeElement);
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    next?.focus();
    return Boolean(next);
  }

  function pick() {
    const box = document.activeElement?.closest?.(".row")?.querySelector(".pick:not(:disabled)");
    box?.click();
    return Boolean(box);
  }

  function press(key) {
    const one = all("[data-key]").find((found) => found.dataset.key === key);
    if (!one) return false;
    if (one.dataset.opens) {
      listKeys();
      document.getElementById(one.dataset.opens).showModal();
    } else if (one.matches("summary")) {
      const details = one.parentElement;
      details.open = !details.open;
      if (details.open) soon(() => details.querySelector("input:not([type=hidden]), textarea, select")?.focus());
    } else if (one.matches("input, textarea, select")) {
      one.focus();
      one.select?.();
    } else {
      one.click();
    }
    return true;
  }

  function escape(at) {
    const open = at.closest?.("details.move[open]");
    if (open) open.open = false;
    at.blur?.();
    return true;
  }

  // Enter in the reason decides; from a value it goes on to the reason, as in the terminal.
  function enter(event, at) {
    if (event.shiftKey || event.isComposing || !at.form) return false;
    if (event.ctrlKey || event.metaKey || at.matches("textarea")) {
      at.form.requestSubmit(at.form.querySelector("[data-sends]") || at.form.querySelector("button:not(.plain)"));
      return true;
    }
    if (at.closest(".asks") && at.matches("input, select")) {
      document.querySelector("[data-why]").focus();
      return true;
    }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (document.querySelector("dialog[open]")) return;
    let done = false;
    if (event.key === "Escape") done = escape(at);
    else if (event.key === "Enter" && writing(at)) done = enter(event, at);
    else if (writing(at) || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (/^[1-9]$/.test(event.key)) done = choose(event.key);
    else if (event.key === "j" || event.key === "k") done = step(event.key === "j" ? 1 : -1);
    else if (event.key === "x" && pick()) done = true;
    else if (event.key === "Enter" && at.matches?.("a, button, summary, input")) return;
    else done = press(event.key);
    if (done) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const opens = event.target.closest?.("[data-opens]");
    if (opens) press(opens.dataset.key);
  });

  // ------------------------------------------------------------ the list

  document.addEventListener("change", (event) => {
    const at = event.target;
    if (at.matches(".pick")) {
      const count = document.querySelectorAll(".pick:checked").length;
      document.querySelector("[data-picked]").textContent = `${count} selected`;
    } else if (at.name === "field" && at.value && !at.form.elements.value.value) {
      at.form.elements.value.focus(); // half of a filter: what the fact is comes next
    } else if (at.form?.matches("[data-filters]")) {
      at.form.requestSubmit();
    }
  });

  // Only what was chosen goes into the address.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-filters]")) return;
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });

  // ------------------------------------------------------------ sending

  // A second click while the first one is under way sends nothing more.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => { for (const one of form.querySelectorAll("button")) one.disabled = true; });
  }, true);

  function again() {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const one of form.querySelectorAll("button")) one.disabled = false;
    }
  }
  addEventListener("pageshow", again);
  document.addEventListener("htmx:finally:request", again);

  // A refusal is read before anything is typed on: the keys choose again.
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.detail.ctx?.response?.status >= 400) document.activeElement?.blur();
  });

  // Another page begins at its top.
  let path = location.pathname;
  document.addEventListener("htmx:after:swap", () => {
    if (location.pathname === path) return;
    path = location.pathname;
    scrollTo(0, 0);
  });

  // What was typed stays when the server is not reached.
  document.addEventListener("htmx:error", () => {
    let told = document.getElementById("offline");
    if (!told) {
      told = document.createElement("p");
      told.id = "offline";
      told.className = "told refused";
      told.setAttribute("role", "alert");
      document.querySelector("main").prepend(told);
    }
    told.textContent = "The server was not reached: nothing is known to have been done. What you typed is still here; try again.";
  });
})();
