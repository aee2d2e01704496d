// Copy buttons, and a page that stays fresh. Everything else works without this file.
"use strict";

function prepare(root) {
  for (const button of root.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}

function isBusy(main) {
  const typing = main.contains(document.activeElement) && document.activeElement.matches("input, button");
  const selecting = String(document.getSelection() || "") !== "";
  const open = main.querySelector("details[open]") !== null;
  return document.hidden || typing || selecting || open;
}

async function refresh(main) {
  if (isBusy(main)) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok && answer.status !== 404) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  if (!fresh || isBusy(main)) return;
  main.replaceChildren(...fresh.childNodes);
  document.title = page.title;
  const foot = page.querySelector("footer");
  if (foot) document.querySelector("footer").replaceChildren(...foot.childNodes);
  prepare(main);
}

const main = document.querySelector("main");
prepare(main);
if (main.dataset.refresh) {
  setInterval(() => refresh(main).catch(() => {}), Number(main.dataset.refresh) * 1000);
}
