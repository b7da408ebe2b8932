// The page of `shopgym watch`: it draws each snapshot of the shop and sends what is asked of it.
"use strict";

const $ = (id) => document.getElementById(id);
let about = null;
let shop = null;

// Elements, never markup in texts: names of items come from anybody's catalogue.
function make(kind, attributes = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const whole = (value) => Math.round(value).toLocaleString("en-GB");
const money = (value) =>
  new Intl.NumberFormat("en-GB", { style: "currency", currency: about.currency }).format(value);
const dayOf = (day) => `day ${Math.floor(day % about.days)}`;
const items = (count) => `${whole(count)} ${count === 1 ? "item" : "items"}`;

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").className = bad ? "bad" : "";
}

async function act(action, done = "") {
  try {
    const reply = await fetch("actions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(action),
    });
    const answer = await reply.json();
    if (reply.ok) say(done);
    else say(`${answer.error.field} = ${answer.error.value}: ${answer.error.fix}`, true);
  } catch (error) {
    say("The server does not answer: is 'shopgym watch' still running?", true);
  }
}

// what does not change

function showAbout() {
  document.title = `${about.name} · shopgym watch`;
  $("name").textContent = `The shop of ${about.name}`;
  $("purpose").textContent = about.purpose;
  $("margin-unit").textContent = `${about.currency} per 100 pages, last 1,000 pages`;
  $("policy").replaceChildren(...about.policies.map((name) => make("option", { value: name }, name)));
  const byName = [...about.categories].sort((a, b) => a.localeCompare(b));
  $("range").append(...byName.map((name) => make("option", { value: name }, name)));
  $("gone").append(...byName.map((name) => make("option", { value: `category:${name}` }, name)));
  $("notes").replaceChildren(...about.notes.map((note) => make("li", {}, note)));
  if (!about.has_stock) {
    $("stockout").hidden = true;
    $("stock").replaceChildren(make("p", { class: "muted" }, "Nothing runs out in this shop."));
  }
  if (!about.has_satisfaction) {
    const text = "People do not come back in this shop, so there is no satisfaction.";
    $("satisfaction-chart").replaceChildren(make("p", { class: "muted" }, text));
  }
}

// one snapshot

function showTop() {
  $("time").textContent = `${shop.date} · day ${Math.floor(shop.day % about.days)} of ${Math.round(about.days)}` +
    (shop.season > 1 ? ` · season ${shop.season}` : "");
  $("pause").textContent = shop.running ? "Pause" : "Go on";
  if (document.activeElement !== $("policy")) $("policy").value = shop.policy;
  if (document.activeElement !== $("speed")) $("speed").value = String(shop.steps_per_second);
  if (shop.failure) say(`The shop stopped: ${shop.failure.field}: ${shop.failure.fix}`, true);
  const counts = shop.counts, pages = Math.max(counts.pages, 1);
  const tiles = [
    ["Visits", whole(counts.visits), "so far"],
    ["Clicks", whole(counts.click), `${(100 * counts.click / pages).toFixed(1)} per 100 pages`],
    ["Carts", whole(counts.cart), `${(100 * counts.cart / pages).toFixed(1)} per 100 pages`],
    ["Order lines", whole(counts.purchase), `${whole(counts.units)} units`],
    ["Revenue", money(counts.revenue), "so far"],
    ["Margin", money(counts.margin), about.has_returns ? "before returns" : "so far"],
    ...(about.has_returns ? [["Returns", money(counts.return_cost), "their cost"]] : []),
    ["In stock", `${(100 * shop.in_stock).toFixed(1)}%`, `of ${whole(about.items)} items`],
  ];
  $("tiles").replaceChildren(...tiles.map(([label, value, unit]) =>
    make("div", { class: "tile" }, make("small", {}, label), make("b", {}, value), make("small", {}, unit))));
}

function outcome(slot) {
  if (slot.bought) return ["bought", `bought ×${slot.bought}${slot.sent_back ? ", will come back" : ""}`];
  if (slot.carted) return ["carted", "in the cart"];
  if (slot.clicked) return ["clicked", "clicked"];
  if (!slot.available) return ["", "sold out"];
  return slot.looked ? ["", "looked at"] : ["unseen", "not looked at"];
}

function hueOf(word) {
  let hash = 0;
  for (const letter of word) hash = (31 * hash + letter.codePointAt(0)) % 360;
  return hash;
}

function card(slot) {
  if (!slot) return make("div", { class: "card unseen" }, make("span", { class: "did" }, "empty"));
  const reduced = slot.price < slot.list_price - 0.005;
  const [kind, word] = outcome(slot);
  const band = make("span", { class: "band" }, slot.category);
  band.style.background = `hsl(${hueOf(slot.category)} 45% 90%)`;
  const price = make("span", { class: "price" }, money(slot.price), reduced ? make("s", {}, money(slot.list_price)) : null);
  const left = slot.stock === null ? null : make("small", {}, `${whole(Math.max(slot.stock, 0))} left`);
  return make("div", { class: `card ${kind} ${reduced ? "off" : ""}` }, band,
    make("span", { class: "title", title: slot.name }, slot.name), price, left, make("span", { class: "did" }, word));
}

function visitor(page) {
  const mood = page.satisfaction === null ? null : make("span", {}, `satisfaction ${page.satisfaction.toFixed(2)}`);
  const who = make("div", { class: "who" },
    make("b", {}, `Customer ${page.customer}`),
    make("span", {}, page.visit > 1 ? `visit ${page.visit}` : "first visit"),
    make("span", {}, `page ${page.page}, ${page.surface}`),
    make("span", {}, page.device),
    make("span", {}, `${page.page === 1 ? "came for" : "after"} ${page.about}`), mood,
    page.left ? make("span", {}, "leaves after this page") : null);
  const reasons = new Map();
  for (const change of page.left_out) {
    const reason = `${change.guard} (${change.why})`;
    reasons.set(reason, [...(reasons.get(reason) || []), change.name]);
  }
  const guarded = [...reasons].map(([reason, names]) =>
    make("p", { class: "guarded" }, `${reason} left out ${names.join(", ")}`));
  return make("article", { class: `visitor ${page.left ? "gone" : ""}` }, who,
    make("div", { class: "cards" }, ...page.slots.map(card)), ...guarded);
}

// A long page stays where somebody has moved it.
function showVisitors() {
  const moved = [...document.querySelectorAll(".cards")].map((cards) => cards.scrollLeft);
  $("visitors").replaceChildren(...shop.pages.map(visitor));
  document.querySelectorAll(".cards").forEach((cards, at) => { cards.scrollLeft = moved[at] || 0; });
}

function showCharts() {
  const points = (column) => shop.series.filter((point) => point[column] !== null).map((point) => [point[0], point[column]]);
  const margin = points(1), mood = points(2);
  const last = (series) => (series.length ? series[series.length - 1][1].toFixed(2) : "not known yet");
  lineChart($("margin-chart"), margin, {
    colour: "#0f766e", marks: shop.actions, least: [0, 1],
    describe: `Margin per 100 pages over the days: now ${last(margin)} ${about.currency}`,
  });
  if (about.has_satisfaction) {
    lineChart($("satisfaction-chart"), mood, {
      colour: "#2563eb", marks: shop.actions, least: [0, 0.2],
      describe: `Mean satisfaction of the last visits over the days: now ${last(mood)}`,
    });
  }
}

function showPolicies() {
  const head = make("tr", {}, ...["policy", "pages", "order lines", `${about.currency} per 100 pages, 95%`]
    .map((text) => make("th", { scope: "col" }, text)));
  const rows = about.policies.filter((name) => shop.policies[name]).map((name) => {
    const row = shop.policies[name];
    const margin = row.margin === null ? "too few orders" : `${row.margin.toFixed(2)} ± ${row.half.toFixed(2)}`;
    return make("tr", { class: name === shop.policy ? "on" : "" },
      ...[name, whole(row.pages), whole(row.lines), margin].map((text) => make("td", {}, text)));
  });
  $("policies").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
}

// Bars stay where they are, so that a button under the finger or the focus is not replaced.
function showStock() {
  if ($("stock").childElementCount !== shop.stock.length) {
    $("stock").replaceChildren(...shop.stock.map((row) => make("div", { class: "bar" },
      make("span", { class: "label", title: row.name }, row.name),
      make("div", { class: "track" }, make("div", { class: "fill" })),
      make("span", { class: "units" }),
      make("button", {
        type: "button", "aria-label": `Sell out ${row.name}`,
        onclick: () => act({ action: "stockout", item: row.item }, `${row.name} is sold out until the next delivery.`),
      }, "sell out"))));
  }
  shop.stock.forEach((row, at) => {
    const bar = $("stock").children[at], share = row.up_to > 0 ? Math.min(row.on_hand / row.up_to, 1) : 0;
    bar.className = `bar ${row.on_hand === 0 ? "out" : share <= 0.34 ? "low" : ""}`;
    bar.querySelector(".fill").style.width = `${100 * share}%`;
    bar.querySelector(".units").textContent = row.on_hand ? `${whole(row.on_hand)} of ${whole(row.up_to)}` : "sold out";
    bar.title = `${row.name}: ${whole(row.on_hand)} units, ${whole(row.on_order)} on order`;
  });
}

function showGuards() {
  const rows = shop.guards.map((row) =>
    make("p", {}, make("b", {}, row.guard), ` left out ${items(row.items)} on ${whole(row.changed)} of ` +
      `${whole(row.pages)} pages (${(100 * row.changed / Math.max(row.pages, 1)).toFixed(0)}%)`));
  $("guards").replaceChildren(...(rows.length ? rows : [make("p", { class: "muted" }, "This policy has no guards.")]));
  $("changes").replaceChildren(...shop.changes.slice(0, 12).map((row) =>
    make("li", {}, make("time", {}, dayOf(row.day)), `Customer ${row.customer}, slot ${row.slot}: ${row.name} left out, ${row.why}`)));
}

function showNews() {
  $("promotions").replaceChildren(...shop.promotions.map((row) =>
    make("p", {}, make("b", {}, `${Math.round(100 * row.price_off)}% off ${row.category}`),
      ` (${items(row.items)}): ${row.days_left} days left, ${whole(row.lines)} order lines, ${money(row.spent)} of discounts`)));
  $("news").replaceChildren(...shop.news.map((row) => make("li", {}, make("time", {}, dayOf(row.day)), row.text)));
}

function show() {
  showTop();
  showVisitors();
  showCharts();
  showPolicies();
  if (about.has_stock) showStock();
  showGuards();
  showNews();
  document.body.dataset.steps = shop.steps;
}

// what is asked of the shop

const toggle = () => act({ action: shop && shop.running ? "pause" : "resume" });
const oneStep = () => act({ action: "step" });
$("pause").addEventListener("click", toggle);
$("step").addEventListener("click", oneStep);
$("speed").addEventListener("change", () => act({ action: "speed", steps_per_second: Number($("speed").value) }));
$("policy").addEventListener("change", () => act({ action: "policy", name: $("policy").value }));
$("stockout").addEventListener("submit", (event) => {
  event.preventDefault();
  const [kind, ...rest] = $("gone").value.split(":"), name = rest.join(":");
  const what = $("gone").selectedOptions[0].textContent;
  act({ action: "stockout", [kind]: kind === "top" ? Number(name) : name }, `Sold out: ${what}, until the next delivery.`);
});
$("promotion").addEventListener("submit", (event) => {
  event.preventDefault();
  const action = { action: "promotion", price_off: Number($("off").value), days: Number($("days").value) };
  if ($("range").value) action.category = $("range").value;
  act(action, "The promotion begins with the next page.");
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("button, select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " ") { event.preventDefault(); toggle(); }
  if (event.key === "s" || event.key === "S") oneStep();
});

async function open() {
  about = await (await fetch("about")).json();
  showAbout();
  const stream = new EventSource("events");
  let lost = false;
  stream.addEventListener("open", () => { if (lost) location.reload(); });  // it may be another shop now
  stream.addEventListener("shop", (event) => {
    if (!shop || shop.drawn) requestAnimationFrame(() => { shop.drawn = true; show(); });  // none while hidden
    shop = JSON.parse(event.data);
  });
  stream.addEventListener("error", () => {
    lost = true;
    say("The connection is lost. The page goes on when the shop answers again.", true);
  });
}

open().catch(() => say("The shop does not answer: is 'shopgym watch' still running?", true));
