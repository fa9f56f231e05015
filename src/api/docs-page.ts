import { html, raw } from "hono/html";

type Html = ReturnType<typeof html>;
type Piece = Html | string | readonly Piece[];

/** As much of OpenAPI as the page shows. */
export interface Described {
  readonly info: { readonly title: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation | undefined>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, DescribedAnswer>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

interface DescribedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly tags: readonly string[];
  readonly security?: readonly unknown[] | undefined;
  readonly parameters?: readonly Parameter[] | undefined;
  readonly requestBody?: { readonly required: boolean; readonly content: Content } | undefined;
  readonly responses: Readonly<Record<string, DescribedAnswer | Reference | undefined>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean | undefined;
  readonly description?: string | undefined;
  readonly schema: Schema;
}

interface DescribedAnswer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string } | undefined>> | undefined;
  readonly content?: Content | undefined;
}

interface Reference {
  readonly $ref: string;
}

type Content = Readonly<Record<string, { readonly schema: Schema } | undefined>>;

/** JSON Schema; what is not read here is not shown. */
type Schema = Readonly<Record<string, unknown>>;

export const DOCS_STYLE = `
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1c1f24; --soft: #5a6270; --line: #d9dde3;
  --accent: #0b5fd0; --get: #17733a; --put: #8a5300; --delete: #b3261e }
@media (prefers-color-scheme: dark) { :root { --back: #14161a; --card: #1e2126; --text: #eceef1; --soft: #a3abb8;
  --line: #363b44; --accent: #82b4ff; --get: #6fd392; --put: #f2b968; --delete: #ff8f85 } }
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
main { width: 100%; max-width: 60rem; margin: 0 auto; padding: 1rem }
nav a { text-decoration: none }
nav a:hover, nav a:focus { text-decoration: underline }
h1 { margin: 1rem 0 .5rem; font-size: 1.75rem; line-height: 1.25 }
h2 { margin: 2.5rem 0 .25rem; font-size: 1.35rem }
h3 { margin: 0 0 .25rem; font: 600 1rem/1.4 ui-monospace, monospace }
p { margin: .5rem 0; max-width: 45rem }
a { color: var(--accent) }
code { font: .875em ui-monospace, monospace }
.soft { color: var(--soft) }
.card { margin: .75rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
.method { display: inline-block; min-width: 4.25rem; color: var(--accent) }
.get { color: var(--get) }
.put, .patch { color: var(--put) }
.delete { color: var(--delete) }
dl { margin: .5rem 0 0; border-top: 1px solid var(--line) }
dl > div { display: grid; grid-template-columns: minmax(7rem, 12rem) 1fr; gap: 0 1rem; padding: .375rem 0;
  border-bottom: 1px solid var(--line) }
dt { font: .875rem/1.7 ui-monospace, monospace }
dd { margin: 0 }
dd p { margin: 0 }
h4, summary { margin: 1rem 0 0; font-size: .875rem; font-weight: 600; color: var(--soft) }
summary { margin-top: .75rem; cursor: pointer }
ul { margin: .25rem 0; padding: 0; list-style: none; columns: 18rem }
li { padding: .125rem 0 }
@media (max-width: 34rem) { dl > div { grid-template-columns: 1fr } .card { padding: .75rem } }
`;

/** In one piece: the hash of the policy counts every white space between the tags. */
const STYLE_ELEMENT = raw(`<style>${DOCS_STYLE}</style>`);

/** The whole description on one page that loads nothing else. */
export function docsPage(described: Described): Html | Promise<Html> {
  const operations = operationsOf(described);
  const { title, description } = described.info;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}: HTTP API</title>
        <link rel="icon" href="data:," />
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>
          <h1>${title}: HTTP API</h1>
          ${paragraphs(description)}
          <p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
          <nav aria-label="Operations">
            <ul>
              ${operations.map(({ id, heading }) => html`<li><a href="#${id}">${heading}</a></li>`)}
            </ul>
          </nav>
          ${described.tags.map(
            ({ name, description: text }) =>
              html`<h2 id="tag-${name}">${name}</h2>
                <p class="soft">${inline(text)}</p>
                ${operations.filter(({ tag }) => tag === name).map(({ card }) => card)}`,
          )}
          <h2 id="schemas">Schemas</h2>
          ${Object.entries(described.components.schemas).map(([name, schema]) => schemaCard(name, schema))}
        </main>
      </body>
    </html>`;
}

interface Shown {
  readonly id: string;
  readonly tag: string;
  readonly heading: Piece;
  readonly card: Piece;
}

function operationsOf(described: Described): Shown[] {
  return Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      if (operation === undefined) return [];
      const heading = html`<span class="method ${method}">${method.toUpperCase()}</span> ${path}`;
      const id = operation.operationId;
      return [{ id, tag: operation.tags[0] ?? "", heading, card: operationCard(heading, operation, described) }];
    }),
  );
}

/** Statuses that hold for nearly every operation and mean the same for all of them: of the token, the body, the server. */
const USUAL: ReadonlySet<string> = new Set(["401", "413", "415", "429", "500", "503"]);

function operationCard(heading: Piece, operation: DescribedOperation, { components }: Described): Piece {
  const { operationId, summary, description = "", security, parameters = [], requestBody, responses } = operation;
  const answers = (isShown: (row: readonly [string, unknown]) => boolean): [string, Piece][] =>
    Object.entries(responses)
      .filter(isShown)
      .map(([status, answer]) => [status, answerOf(answer, components.responses)]);
  const usual = answers(([status]) => USUAL.has(status));
  return html`<section class="card" id="${operationId}">
    <h3>${heading}</h3>
    <p>${inline(summary)}${security?.length === 0 ? html` <span class="soft">No token needed.</span>` : ""}</p>
    ${description === "" ? "" : paragraphs(description)}
    ${list(
      "Parameters",
      parameters.map(({ name, in: where, required, description: text = "", schema }) => [
        name,
        html`<p>${typeOf(schema)} <span class="soft">in ${where}${required === true ? ", required" : ""}</span></p>
          ${text === "" ? "" : html`<p>${inline(text)}</p>`}`,
      ]),
    )}
    ${
      requestBody === undefined
        ? ""
        : list(requestBody.required ? "Body" : "Body (may be left out)", contentRows(requestBody.content))
    }
    ${list(
      "Answers",
      answers(([status]) => !USUAL.has(status)),
    )}
    ${
      usual.length === 0
        ? ""
        : html`<details>
            <summary>The usual refusals: ${usual.map(([status]) => status).join(", ")}</summary>
            ${list("", usual)}
          </details>`
    }
  </section>`;
}

function answerOf(answer: DescribedAnswer | Reference | undefined, named: Described["components"]["responses"]): Piece {
  if (answer === undefined) return "";
  const {
    description,
    content = {},
    headers = {},
  } = "$ref" in answer ? (named[lastPart(answer.$ref)] ?? { description: "" }) : answer;
  const types = Object.entries(content).filter(([type]) => type !== "application/problem+json");
  return html`${paragraphs(description)}
  ${types.map(([type, media]) => html`<p><code>${type}</code> ${media === undefined ? "" : typeOf(media.schema)}</p>`)}
  ${Object.entries(headers).map(
    ([name, header]) => html`<p class="soft">Header <code>${name}</code>: ${inline(header?.description ?? "")}</p>`,
  )}`;
}

function contentRows(content: Content): [string, Piece][] {
  return Object.entries(content).map(([type, media]) => [type, media === undefined ? "" : typeOf(media.schema)]);
}

function list(heading: string, rows: readonly (readonly [string, Piece])[]): Piece {
  if (rows.length === 0) return "";
  return html`${heading === "" ? "" : html`<h4>${heading}</h4>`}
    <dl>
      ${rows.map(
        ([term, what]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${what}</dd>
          </div>`,
      )}
    </dl>`;
}

function schemaCard(name: string, schema: Schema): Piece {
  const { properties, required, description, additionalProperties } = schema;
  const needed = Array.isArray(required) ? required.map(String) : [];
  const rows = Object.entries(isSchema(properties) ? properties : {}).map(([key, value]): [string, Piece] => {
    const part = isSchema(value) ? value : {};
    const text = typeof part["description"] === "string" ? html`<p>${inline(part["description"])}</p>` : "";
    const optional = needed.includes(key) ? "" : html` <span class="soft">optional</span>`;
    return [
      key,
      html`<p>${typeOf(part)}${optional}</p>
        ${text}`,
    ];
  });
  return html`<section class="card" id="schema-${name}">
    <h3>${name}</h3>
    ${typeof description === "string" ? paragraphs(description) : ""}
    ${rows.length === 0 ? html`<p>${typeOf(schema)}</p>` : list("", rows)}
    ${additionalProperties === false ? html`<p class="soft">Other fields are refused.</p>` : ""}
  </section>`;
}

/** A schema in a few words, with links to those it names. */
function typeOf(schema: Schema): Piece {
  const { $ref, type, items, properties, minItems, maxItems } = schema;
  if (typeof $ref === "string") {
    const name = lastPart($ref);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if ("const" in schema) return html`<code>${JSON.stringify(schema["const"])}</code>`;
  if (Array.isArray(schema["enum"]))
    return joined(schema["enum"].map((one) => html`<code>${JSON.stringify(one)}</code>`));
  const choices = schema["anyOf"] ?? schema["allOf"];
  if (Array.isArray(choices)) return joined(choices.filter(isSchema).map(typeOf));
  if (type === "array") return html`list${counts(minItems, maxItems)} of ${isSchema(items) ? typeOf(items) : "values"}`;
  if (type === "object" && isSchema(properties)) {
    return html`{
    ${Object.entries(properties).map(
      ([key, value], at) => html`${at === 0 ? "" : ", "}<code>${key}</code>: ${isSchema(value) ? typeOf(value) : ""}`,
    )}
    }`;
  }
  return html`${typeof type === "string" ? type : "any value"}${bounds(schema)}`;
}

function joined(parts: readonly Piece[]): Piece {
  return parts.map((part, at) => (at === 0 ? part : html` or ${part}`));
}

function counts(min: unknown, max: unknown): string {
  if (typeof max !== "number") return typeof min === "number" && min > 0 ? ` (at least ${min})` : "";
  return min === max ? ` (${max})` : ` (${typeof min === "number" ? min : 0} to ${max})`;
}

/** Bounds that only say that a number is a whole one in a double are noise to people. */
function bounds({ minimum, maximum, minLength, maxLength, pattern }: Schema): Piece {
  const low = typeof minimum === "number" && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const high = typeof maximum === "number" && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  const range = [low === undefined ? "" : `from ${low}`, high === undefined ? "" : `to ${high}`];
  const length = typeof maxLength === "number" ? `${counts(minLength, maxLength)} characters` : "";
  const texts = [...range, length.replace(/^ \((.*)\)/, "of $1")].filter((text) => text !== "");
  return html`${texts.length === 0 ? "" : ` ${texts.join(" ")}`}${
    typeof pattern === "string" ? html`, <code>${pattern}</code>` : ""
  }`;
}

/** Paragraphs of the little Markdown that descriptions have: empty lines, \`code\`, **strong**, links. */
function paragraphs(text: string): Piece {
  return text.split("\n\n").map((part) => html`<p>${inline(part.replaceAll("\n", " "))}</p>`);
}

function inline(text: string): Piece {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/).map((part): Piece => {
    if (part.startsWith("`")) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.startsWith("**")) return html`<strong>${part.slice(2, -2)}</strong>`;
    // Links lead to other files of the repository, which no server has.
    const link = /^\[([^\]]+)\]\(/.exec(part);
    return link === null ? part : html`<code>${link[1] ?? ""}</code>`;
  });
}

function lastPart(pointer: string): string {
  return pointer.slice(pointer.lastIndexOf("/") + 1);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
