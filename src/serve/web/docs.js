"use strict";
// Shows openapi.json to people: what there is, a form to try each, the line for curl. Texts of the document only ever become text nodes.

const byId = (id) => document.getElementById(id);
let api = null;
let key = "";

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Descriptions have paragraphs and `code`, nothing else.
function prose(text, tag = "p") {
  return text.split(/\n\n+/).map((paragraph) =>
    make(tag, {}, ...paragraph.split(/(`[^`]+`)/).map((part) => part.startsWith("`") && part.length > 2 ? make("code", {}, part.slice(1, -1)) : part)));
}

function resolve(node) {
  while (node && node.$ref) node = node.$ref.slice(2).split("/").reduce((at, step) => at && at[step.replace(/~1/g, "/").replace(/~0/g, "~")], api);
  return node || {};
}

// ---- schemas in words ----

function typeText(schema) {
  schema = resolve(schema);
  if (schema.enum) return schema.enum.filter((word) => word !== null).join(" | ");
  const types = [].concat(schema.type || "any").filter((type) => type !== "null");
  return types.map((type) => type === "array" ? `list of ${typeText(schema.items || {})}` : schema.format && !/^int|float|double/.test(schema.format) ? schema.format : type).join(" or ");
}

function limits(schema) {
  const words = [];
  if (schema.minimum !== undefined && Math.abs(schema.maximum) <= Number.MAX_SAFE_INTEGER) words.push(`${schema.minimum} to ${schema.maximum}`);
  else if (schema.minimum !== undefined) words.push(`at least ${schema.minimum}`);
  else if (Math.abs(schema.maximum) <= Number.MAX_SAFE_INTEGER) words.push(`at most ${schema.maximum}`);
  if (schema.pattern && schema.pattern.length < 50 && !schema.pattern.includes("u0000")) words.push(`matches ${schema.pattern}`);
  if (schema.maxItems) words.push(`at most ${schema.maxItems} values`);
  return words.join(", ");
}

function columnRows(schema, path, rows) {
  schema = resolve(schema);
  if (schema.type && [].concat(schema.type).includes("array") && schema.items) return columnRows(schema.items, path, rows);
  for (const [name, column] of Object.entries(schema.properties || {})) {
    rows.push(make("tr", {}, make("td", {class: "name"}, path + name), make("td", {}, typeText(column)), make("td", {}, ...prose(column.description || "", "span"))));
    columnRows(column, `${path}${name}.`, rows);
  }
  return rows;
}

// ---- one operation ----

function control(parameter, id) {
  const schema = resolve(parameter.schema);
  const words = schema.enum || (schema.type === "boolean" ? ["true", "false"] : null);
  if (words) return make("select", {id}, make("option", {value: ""}, ""), ...words.map((word) => make("option", {value: word}, word)));
  const shown = schema.default !== undefined ? String(schema.default) : (schema.examples || [])[0];
  return make("input", {id, autocomplete: "off", spellcheck: "false", inputmode: schema.type === "integer" ? "numeric" : null,
                        placeholder: shown === undefined ? null : String(shown)});
}

function parameterRow(parameter, field) {
  const schema = resolve(parameter.schema);
  const items = schema.type === "array" ? resolve(schema.items) : schema;
  const told = [limits(items), schema.type === "array" ? limits({maxItems: schema.maxItems}) : "",
                schema.default !== undefined ? `default ${schema.default}` : ""].filter(Boolean).join("; ");
  return make("tr", {},
    make("td", {class: "name"}, make("label", {for: field.id}, parameter.name), parameter.required ? make("span", {class: "required", title: "required"}, " *") : null),
    make("td", {}, typeText(schema), told ? make("div", {class: "note"}, told) : null),
    make("td", {}, ...prose(parameter.description || "", "span")),
    make("td", {}, field));
}

function table(heads, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", {scope: "col"}, head)))), make("tbody", {}, ...rows));
}

function target(path, fields) {
  const query = [];
  for (const {parameter, field} of fields) {
    if (field.value === "" && parameter.in !== "path") continue;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(field.value || field.placeholder));
    else if (resolve(parameter.schema).type === "array") query.push(`${parameter.name}=${field.value.split(",").map(encodeURIComponent).join(",")}`);
    else query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(field.value)}`);
  }
  return path + (query.length ? "?" + query.join("&") : "");
}

function shellQuoted(text) {
  return "'" + text.replace(/'/g, "'\\''") + "'";
}

// The page is below the API's root, which a proxy may have moved.
const root = new URL(".", document.baseURI).href.replace(/\/$/, "");

function curlLine(path) {
  return `curl -s ${key ? `-H ${shellQuoted("Authorization: Bearer $TARN_KEY").replace(/'/g, '"')} ` : ""}${shellQuoted(root + path)}`;
}

async function send(path, outcome, body) {
  const started = performance.now();
  outcome.textContent = "Asking …";
  outcome.className = "outcome";
  try {
    const response = await fetch(root + path, {headers: key ? {Authorization: `Bearer ${key}`} : {}});
    const text = await response.text();
    const type = response.headers.get("Content-Type") || "";
    const generation = response.headers.get("X-Tarn-Generation");
    outcome.textContent = `${response.status} ${response.statusText} · ${type} · ${text.length.toLocaleString("en")} characters · ${Math.round(performance.now() - started)} ms` +
      (generation ? ` · generation ${generation}` : "");
    outcome.className = response.ok ? "outcome good" : "outcome bad";
    body.textContent = /json$/.test(type.split(";")[0]) ? pretty(text) : text.slice(0, 100000);
    body.hidden = false;
    if (response.status === 401) askForKey();
  } catch (error) {
    outcome.textContent = `No answer: ${error.message}`;
    outcome.className = "outcome bad";
    body.hidden = true;
  }
}

// Numbers beyond 2^53 must not be rounded for show, so only white space changes.
function pretty(text) {
  let depth = 0, out = "", quoted = false;
  for (let i = 0; i < text.length && out.length < 200000; i++) {
    const at = text[i];
    if (quoted) {
      out += at;
      if (at === "\\") out += text[++i];
      else if (at === '"') quoted = false;
    } else if (at === '"') {
      quoted = true;
      out += at;
    } else if (at === "{" || at === "[") {
      const close = text[i + 1] === "}" || text[i + 1] === "]";
      out += close ? at + text[++i] : at + "\n" + "  ".repeat(++depth);
    } else if (at === "}" || at === "]") {
      out += "\n" + "  ".repeat(--depth) + at;
    } else {
      out += at === "," ? ",\n" + "  ".repeat(depth) : at === ":" ? ": " : at.trim();
    }
  }
  return out;
}

function fill(fields, example, path) {
  const [givenPath, query] = example.split("?");
  const given = givenPath.split("/"), wanted = path.split("/");
  for (const {parameter, field} of fields) {
    const at = wanted.indexOf(`{${parameter.name}}`);
    const values = new URLSearchParams(query || "").getAll(parameter.name);
    field.value = parameter.in === "path" ? decodeURIComponent(given[at] || "") : values.join(",");
  }
}

function operationSection(path, operation) {
  const id = `op-${operation.operationId}`;
  const fields = (operation.parameters || []).map(resolve).map((parameter) => ({parameter, field: control(parameter, `${id}-${parameter.name}`)}));
  const curl = make("pre", {class: "curl", "aria-label": "The same with curl"});
  const outcome = make("p", {class: "outcome", role: "status"});
  const body = make("pre", {hidden: true, tabindex: "0", "aria-label": "Answer"});
  const refresh = () => { curl.textContent = curlLine(target(path, fields)); };
  const copy = make("button", {type: "button"}, "Copy curl line");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(curl.textContent);
    outcome.textContent = "Copied.";
  });
  const form = make("form", {}, fields.length ? make("h3", {}, "Parameters") : null,
    fields.length ? table(["name", "type", "meaning", "value"], fields.map(({parameter, field}) => parameterRow(parameter, field))) : null,
    make("div", {class: "actions"}, make("button", {type: "submit", class: "go"}, "Try it"), copy), curl, outcome, body);
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(target(path, fields), outcome, body);
  });
  const examples = (operation["x-tarn-examples"] || []).map((example) => {
    const link = make("a", {href: root + example}, make("code", {}, example));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      fill(fields, example, path);
      refresh();
      form.requestSubmit();
    });
    return make("li", {}, link);
  });
  refresh();
  document.addEventListener("key", refresh);
  const json = ((resolve(operation.responses["200"]).content || {})["application/json"] || {}).schema || {};
  const columns = columnRows(json, "", []);
  const refusals = Object.entries(operation.responses).filter(([status]) => status >= "400").map(([status, response]) =>
    make("tr", {}, make("td", {class: "name"}, status), make("td", {}, ...prose(resolve(response).description || "", "span"))));
  return make("section", {id, "aria-labelledby": `${id}-title`},
    make("h2", {id: `${id}-title`}, make("span", {class: "method"}, "GET"), make("span", {class: "path"}, path)),
    make("p", {class: "summary"}, ...prose(operation.summary || "", "span")),
    ...prose(operation.description || "").map((paragraph) => (paragraph.className = "note", paragraph)),
    examples.length ? make("h3", {}, "Examples") : null, examples.length ? make("ul", {class: "examples"}, ...examples) : null,
    form,
    columns.length ? make("details", {}, make("summary", {}, `The answer: ${columns.length} fields`), table(["name", "type", "meaning"], columns)) : null,
    make("details", {}, make("summary", {}, "Refusals"), table(["status", "when"], refusals)));
}

// ---- the page ----

function askForKey() {
  byId("key").hidden = false;
}

function listEntry(path, operation, section) {
  const link = make("a", {href: `#op-${operation.operationId}`, title: operation.summary}, make("span", {class: "path"}, path));
  const item = make("li", {}, link);
  item.dataset.words = `${path} ${operation.summary || ""} ${operation.operationId}`.toLowerCase();
  item.section = section;
  return item;
}

function show() {
  document.title = `${api.info.title} API`;
  byId("title").textContent = `${api.info.title} API`;
  byId("intro").replaceChildren(...prose(api.info.description || ""));
  byId("key").hidden = !(api.components || {}).securitySchemes;
  byId("sections").replaceChildren();
  byId("list").replaceChildren();
  for (const tag of api.tags || []) {
    const operations = Object.entries(api.paths).map(([path, item]) => [path, item.get]).filter(([, operation]) => operation && operation.tags.includes(tag.name));
    if (!operations.length) continue;
    const list = make("ul", {});
    for (const [path, operation] of operations) {
      const section = operationSection(path, operation);
      byId("sections").append(section);
      list.append(listEntry(path, operation, section));
    }
    byId("list").append(make("h2", {title: tag.description}, tag.name), list);
  }
  byId("status").textContent = "";
  if (location.hash) location.replace(location.hash);
}

async function load() {
  try {
    const response = await fetch(`${root}/openapi.json`, {headers: key ? {Authorization: `Bearer ${key}`} : {}});
    if (response.ok) {
      api = await response.json();
      show();
    } else {
      const problem = await response.json();
      byId("status").textContent = `openapi.json: ${problem.detail}${problem.hint ? ` (${problem.hint})` : ""}`;
      askForKey();
    }
  } catch (error) {
    byId("status").textContent = `openapi.json could not be loaded: ${error.message}`;
  }
}

byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key-value").value.trim();
  document.dispatchEvent(new Event("key"));
  if (!api) load();
});
byId("filter").addEventListener("input", () => {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of document.querySelectorAll("#list li")) {
    item.hidden = !words.every((word) => item.dataset.words.includes(word));
    item.section.hidden = item.hidden;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  byId("filter").focus();
});
load();
