// The board: dragging and Alt with the arrow keys ask why, then send one move. Buttons do the same without a script.
"use strict";
(() => {
  const LANES = ["critical", "high", "medium", "low"];
  const board = () => document.querySelector("[data-board]");
  const listOf = (lane) => board().querySelector(`[data-lane="${lane}"]`);
  const nameOf = (ticket) => ticket.querySelector(".open").textContent.trim().replace(/\s+/g, " ");

  // ------------------------------------------------------------ asking why

  function ask(ticket, what, move, neighbour, value) {
    const dialog = document.getElementById("moving"), form = dialog.querySelector("form");
    form.action = `${location.pathname.replace(/\/board.*$/, "/board")}/${ticket.dataset.ticket}/${move}`;
    form.elements.version.value = ticket.dataset.version;
    const hidden = form.querySelector("[data-neighbour]");
    hidden.name = neighbour;
    hidden.value = value;
    dialog.querySelector("h2").textContent = what;
    dialog.querySelector("[data-for-place]").hidden = move !== "position";
    const why = form.elements.justification;
    why.value = sessionStorage.getItem("mrq-why") || "";
    dialog.showModal();
    why.focus();
    why.select();
  }

  function toLane(ticket, lane) {
    ask(ticket, `${nameOf(ticket)}: make it ${lane}`, "priority", "priority", lane);
  }

  // Beside whom: before the one that follows, or behind the last.
  function beside(ticket, following, before) {
    if (following) ask(ticket, `${nameOf(ticket)}: before #${following}`, "position", "before", following);
    else if (before) ask(ticket, `${nameOf(ticket)}: behind #${before}`, "position", "after", before);
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.closest("#moving")) return;
    // What Sortable left behind would be set again when the board is shown anew, and the page allows no inline style.
    for (const one of document.querySelectorAll("[data-board] [style]")) one.removeAttribute("style");
    sessionStorage.setItem("mrq-why", event.target.elements.justification.value);
    document.getElementById("moving").close();
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-cancel]")) document.getElementById("moving").close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches?.("#moving textarea, #moving input")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });
  document.addEventListener("close", (event) => {
    if (event.target.id === "moving") document.dispatchEvent(new CustomEvent("mrq:dropped"));
  }, true);

  // ------------------------------------------------------------ keys

  document.addEventListener("keydown", (event) => {
    const ticket = event.altKey && event.target.closest?.("[data-movable]");
    if (!ticket || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const lane = ticket.closest("[data-lane]"), tickets = [...lane.children], at = tickets.indexOf(ticket);
    const idAt = (index) => tickets[index]?.dataset.ticket;
    if (event.key === "ArrowUp") beside(ticket, idAt(at - 1));
    else if (event.key === "ArrowDown") beside(ticket, null, idAt(at + 1));
    else {
      const to = LANES[LANES.indexOf(lane.dataset.lane) + (event.key === "ArrowLeft" ? -1 : 1)];
      if (to) toLane(ticket, to);
    }
  });

  // ------------------------------------------------------------ dragging

  function dropped(event) {
    const {item: ticket, from, to, oldIndex, newIndex} = event;
    document.body.classList.remove("dragging");
    const following = ticket.nextElementSibling?.dataset.ticket, before = ticket.previousElementSibling?.dataset.ticket;
    from.insertBefore(ticket, from.children[oldIndex + (from === to && newIndex < oldIndex ? 1 : 0)] || null);
    if (from !== to) toLane(ticket, to.dataset.lane);
    else if (newIndex !== oldIndex) beside(ticket, following, before);
    else document.dispatchEvent(new CustomEvent("mrq:dropped"));
  }

  function arm() {
    const at = board();
    if (!at || at.dataset.armed) return;
    at.dataset.armed = "yes";
    if (!window.Sortable) {
      const script = document.createElement("script");
      script.src = at.dataset.sortable;
      script.addEventListener("load", () => { delete at.dataset.armed; arm(); });
      document.head.append(script);
      return;
    }
    for (const lane of LANES) {
      const list = listOf(lane);
      if (list) window.Sortable.create(list, {
        group: "board", animation: 120, draggable: "[data-movable]", filter: "details, textarea, input, button",
        preventOnFilter: false, delay: 150, delayOnTouchOnly: true,
        onStart: () => document.body.classList.add("dragging"), onEnd: dropped,
      });
    }
  }

  new MutationObserver(() => requestAnimationFrame(arm)).observe(document.documentElement, {childList: true, subtree: true});
  arm();
})();
