/// What makes the page live. Without it the page says the same and is read anew every few seconds.
enum Script {
    static let text = #"""
        "use strict";
        (() => {
          const live = document.getElementById("live");
          const main = document.getElementById("main");
          const parts = () => document.querySelectorAll("[data-part]");
          let isOn = parts().length > 0;
          let timer = 0;
          let failures = 0;

          // The same page's parts, as the server writes them.
          async function refresh() {
            const address = new URL(location.href);
            address.searchParams.set("part", "1");
            const response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(10000) });
            if (!response.ok && response.status !== 404) throw new Error(response.statusText);
            const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
            const focused = document.activeElement;
            for (const part of fresh.querySelectorAll("[data-part]")) {
              const old = document.getElementById(part.id);
              // What somebody types into is not taken from under his hands.
              if (!old || old.innerHTML === part.innerHTML || old.querySelector("input:focus")) continue;
              old.replaceChildren(...document.adoptNode(part).childNodes);
            }
            if (focused && focused.id && !document.contains(focused)) document.getElementById(focused.id)?.focus({ preventScroll: true });
          }

          function show() {
            live.hidden = parts().length === 0;
            live.setAttribute("aria-pressed", String(isOn));
            live.textContent = !isOn ? "paused" : failures > 1 ? "no answer" : "live";
            main.dataset.updates = String(Number(main.dataset.updates || 0) + 1);
          }

          async function turn() {
            clearTimeout(timer);
            if (isOn && !document.hidden) {
              try { await refresh(); failures = 0; } catch { failures += 1; }
              show();
            }
            timer = setTimeout(turn, 2000);
          }

          function toggle() { isOn = !isOn; show(); if (isOn) turn(); }

          function focus(id) {
            const field = document.getElementById(id);
            if (!field) return false;
            field.focus();
            field.select();
            return true;
          }

          document.addEventListener("keydown", (event) => {
            const isTyping = event.target.matches("input, textarea, select");
            if (event.key === "Escape" && isTyping) return event.target.blur();
            if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
            const done = event.key === "/" ? focus("filter") : event.key === "e" ? focus("packet")
              : event.key === "p" && parts().length > 0 ? (toggle(), true) : false;
            if (done) event.preventDefault();
          });
          live.addEventListener("click", toggle);
          document.addEventListener("visibilitychange", () => { if (!document.hidden) turn(); });
          show();
          if (isOn) timer = setTimeout(turn, 2000);
        })();

        """#
}
