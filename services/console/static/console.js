// Progressive: every page works without this file.
"use strict";

const list = document.querySelector("[data-live]");

// One reload at a time: an older answer must not come last. What is hinted meanwhile is read after it.
let reloading = false;
let again = false;

async function reload() {
  again = true;
  if (reloading) return;
  reloading = true;
  while (again) {
    again = false;
    await show().catch(() => {});
  }
  reloading = false;
}

async function show() {
  const answer = await fetch(list.dataset.live, { headers: { Accept: "text/html" } });
  if (answer.redirected) {
    location.assign("/login");
    return;
  }
  const html = await answer.text();
  if (answer.ok && html !== list.dataset.shown) {
    list.dataset.shown = html;
    list.innerHTML = html;
  }
}

if (list) {
  new EventSource("/live").addEventListener("inbox", reload);
}

// An import that runs: its facts renew themselves, and the whole page when it has ended.
const running = document.querySelector("[data-progress]");
if (running) {
  const source = new EventSource(running.dataset.progress);
  source.addEventListener("progress", (event) => { running.innerHTML = event.data; });
  source.addEventListener("end", () => { source.close(); location.reload(); });
}

// One click, one command (the service counts the form's key too). A form that downloads leaves the page as it was.
document.addEventListener("submit", (event) => {
  if ("download" in event.target.dataset) return;
  for (const button of event.target.querySelectorAll("button")) {
    setTimeout(() => { button.disabled = true; });
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button").forEach((one) => { one.disabled = false; });
});
