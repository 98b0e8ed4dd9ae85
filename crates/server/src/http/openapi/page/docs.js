// Shows the description of the API that this server gives. Everything is put into the page as text: nothing that the
// description says can become markup.

import { about, members, resolve, typeOf } from "./shape.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
/** Deeper than this, shapes only repeat. */
const DEPTH_MAX = 4;

/** An element with attributes and children; texts are texts. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

/** A text with `code` in it. */
function inline(text) {
  return text.split(/`([^`]*)`/).map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

const paragraphs = (text) => text.split("\n\n").filter(Boolean).map((part) => el("p", {}, inline(part)));

/** The calls by their tags, in the order of these, and in that of people within them. */
function callsByTag(api) {
  const calls = Object.entries(api.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => ({ path, method, ...methods[method] })));
  calls.sort((one, other) => (one["x-place"] ?? 0) - (other["x-place"] ?? 0));
  return api.tags.map((tag) => ({ ...tag, calls: calls.filter((call) => call.tags[0] === tag.name) }));
}

// The list of calls

function contents(tags) {
  return tags.map((tag) =>
    el("section", {}, el("h2", {}, tag.name), el("ul", {}, tag.calls.map((call) =>
      el("li", { "data-words": `${call.method} ${call.path} ${call.summary} ${tag.name}`.toLowerCase() },
        el("a", { href: `#${call.operationId}` },
          el("span", { class: `method ${call.method}` }, call.method.toUpperCase()), call.summary))))));
}

function filterBy(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("#list section")) {
    const items = [...section.querySelectorAll("li")];
    for (const item of items) item.hidden = !words.every((word) => item.dataset.words.includes(word));
    section.hidden = items.every((item) => item.hidden);
  }
}

// Shapes

function fields(list, api, depth) {
  return el("dl", { class: "fields" }, list.map(({ name, member, must }) => {
    const below = depth < DEPTH_MAX ? members(member, api) : [];
    const says = about(member, api);
    return el("div", {},
      el("dt", {}, el("code", {}, name), el("span", { class: "type" }, typeOf(member, api)),
        must ? el("span", { class: "must" }, "required") : null),
      el("dd", {}, says ? el("p", {}, inline(says)) : null,
        below.length ? el("details", {}, el("summary", {}, "What is in it"), fields(below, api, depth + 1)) : null));
  }));
}

function shape(schema, api) {
  const list = members(schema, api);
  const says = about(schema, api);
  const type = el("p", {}, el("span", { class: "type" }, typeOf(schema, api)));
  return [says ? el("p", {}, inline(says)) : null, list.length ? fields(list, api, 0) : type];
}

function parameters(call, api) {
  const kinds = [["path", "In the path"], ["query", "In the query"], ["header", "Headers"]];
  return kinds.flatMap(([kind, title]) => {
    const here = (call.parameters ?? []).filter((parameter) => parameter.in === kind);
    if (!here.length) return [];
    const list = here.map(({ name, schema, description, required }) =>
      ({ name, member: { ...resolve(schema, api), description }, must: required }));
    return [el("h4", {}, title), fields(list, api, 0)];
  });
}

function body(call, api) {
  if (!call.requestBody) return [];
  const content = Object.entries(call.requestBody.content);
  const says = call.requestBody.description;
  const shown = content.filter(([, { schema }]) => members(schema, api).length);
  return [
    el("h4", {}, "Body ", el("span", {}, content.map(([type]) => type).join(", "))),
    says ? el("p", {}, inline(says)) : null,
    ...shown.flatMap(([, { schema }]) => shape(schema, api)),
  ];
}

function answers(call, api) {
  const all = Object.entries(call.responses).filter(([status]) => status < 400);
  const parts = all.flatMap(([status, answer]) => [
    el("div", { class: "answer" }, el("span", { class: "status" }, status), el("p", {}, inline(answer.description))),
    ...Object.values(answer.content ?? {}).filter(({ schema }) => members(schema, api).length).map(({ schema }) =>
      el("div", { class: "fields" }, el("details", {}, el("summary", {}, "What is in it: ", typeOf(schema, api)),
        fields(members(schema, api), api, 0)))),
  ]);
  return [el("h4", {}, "Answers"), ...parts];
}

function refusals(call) {
  const rows = Object.entries(call.responses).filter(([status]) => status >= 400).flatMap(([status, answer]) =>
    Object.entries(answer.content["application/problem+json"].examples).map(([code, { value }]) =>
      el("tr", {}, el("td", {}, el("span", { class: "status bad" }, status)),
        el("td", {}, el("code", {}, code), el("p", {}, value.detail)))));
  if (!rows.length) return null;
  return el("details", { class: "refusals" }, el("summary", {}, `Refusals (${rows.length})`),
    el("table", {}, el("tbody", {}, rows)));
}

// On the wire

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The call as a shell takes it: what is required, and an example of the body. */
function curl(call, api) {
  const example = (parameter) => parameter.example ?? resolve(parameter.schema, api).examples?.[0] ?? "…";
  const given = (call.parameters ?? []).filter((parameter) => parameter.required);
  let path = call.path;
  for (const one of given.filter(({ in: place }) => place === "path")) {
    path = path.replace(`{${one.name}}`, encodeURIComponent(example(one)).replaceAll("%E2%80%A6", "SOCKET"));
  }
  const query = given.filter(({ in: place }) => place === "query").map((one) => `${one.name}=${example(one)}`);
  const url = `${location.origin}${path}${query.length ? `?${query.join("&")}` : ""}`;
  const lines = [`curl ${call.method === "get" ? "" : `-X ${call.method.toUpperCase()} `}${query.length ? quoted(url) : url}`];
  if (call["x-scope"]) lines.push(`-H "Authorization: Bearer $DOWNLINK_API_KEY"`);
  else if (call.security?.some((way) => "token" in way)) lines.push(`-H "Authorization: Bearer $TOKEN"`);
  if (call.method === "get" && call.tags[0] === "Sockets") lines[0] = lines[0].replace("curl", "curl -N");
  const bodies = Object.entries(call.requestBody?.content ?? {});
  const content = bodies.find(([type]) => type === "text/plain") ?? bodies[0];
  if (content) {
    const [type, { example: value }] = content;
    lines.push(`-H 'Content-Type: ${type}'`, `-d ${quoted(typeof value === "string" ? value : JSON.stringify(value))}`);
  }
  return lines.join(" \\\n  ");
}

/** Marks texts and words of JSON, or of a shell. */
function coloured(text) {
  return text.split(/("(?:[^"\\]|\\.)*"|'[^']*'|\b(?:true|false|null|curl)\b)/).map((part, index) =>
    index % 2 ? el("span", { class: /^["']/.test(part) ? "string" : "word" }, part) : part);
}

function code(title, text, canCopy) {
  const head = el("div", {}, el("span", {}, title));
  if (canCopy) {
    const button = el("button", { type: "button", "aria-label": `Copy: ${title}` }, "Copy");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; }, () => { button.textContent = "Select it"; });
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    head.append(button);
  }
  return el("div", { class: "code" }, head, el("pre", { tabindex: "0", "aria-label": title }, el("code", {}, coloured(text))));
}

function wire(call, api) {
  const parts = [code("Request", curl(call, api), true)];
  const answered = Object.entries(call.responses).filter(([status]) => status >= 200 && status < 300);
  for (const [status, { content }] of answered) {
    const [type, one] = Object.entries(content ?? {}).find(([, { example }]) => example !== undefined) ?? [];
    if (!one) continue;
    const text = typeof one.example === "string" ? one.example.trimEnd() : JSON.stringify(one.example, null, 2);
    parts.push(code(`${status}  ${type}`, text, false));
  }
  return el("div", { class: "wire" }, parts);
}

function show(call, api) {
  const path = call.path.split(/(\{[^}]*\})/).map((part, index) => (index % 2 ? el("em", {}, part) : part));
  const chip = call["x-scope"] ? el("span", { class: "chip" }, `scope ${call["x-scope"]}`)
    : el("span", { class: "chip open" }, call.security?.length ? "token" : "no key");
  return el("article", { class: "call", id: call.operationId },
    el("header", {},
      el("h3", {}, el("a", { href: `#${call.operationId}` }, call.summary)),
      el("div", { class: "line" }, el("span", { class: `method ${call.method}` }, call.method.toUpperCase()),
        el("code", { class: "path" }, path), chip)),
    el("div", { class: "words" }, paragraphs(call.description.replace(/\n\nNeeds a key.*$/s, "")),
      parameters(call, api), body(call, api), answers(call, api), refusals(call)),
    wire(call, api));
}

/** Marks in the list what is being read. */
function follow() {
  const links = new Map([...document.querySelectorAll("#list a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const call of document.querySelectorAll(".call")) seen.observe(call);
}

async function start() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const api = await answer.json();
  const tags = callsByTag(api);
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("about").append(...paragraphs(api.info.description));
  document.getElementById("list").replaceChildren(...contents(tags));
  document.getElementById("calls").replaceChildren(...tags.flatMap((tag) => [
    el("section", { class: "tag" }, el("h2", {}, tag.name), el("p", {}, tag.description)),
    ...tag.calls.map((call) => show(call, api)),
  ]));
  const filter = document.getElementById("filter");
  filter.addEventListener("input", () => filterBy(filter.value));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === filter) return;
    event.preventDefault();
    filter.focus();
  });
  const narrow = matchMedia("(max-width: 760px)");
  const fold = () => { document.getElementById("contents").open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  follow();
  // The calls were not there when the browser looked for the one that the address names.
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

start().catch((error) => {
  document.getElementById("calls").replaceChildren(
    el("p", { role: "alert" }, `The description could not be read: ${error.message}. `, el("a", { href: "/openapi.json" }, "openapi.json")));
});
