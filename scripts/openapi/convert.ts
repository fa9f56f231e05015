import { toJsonSchemaDefs } from "@valibot/to-json-schema";
import type * as v from "valibot";

/** A JSON object of a document. */
export type Json = Readonly<Record<string, unknown>>;

export type Schemas = Readonly<Record<string, v.GenericSchema>>;

export interface Hints {
  /** What a `v.check` with this function means, in JSON Schema. */
  readonly checks?: ReadonlyMap<unknown, Json>;
  /** What is added to a schema (`Profile`) or to one of its properties (`Profile.sharing`): texts, and what a converter cannot see. */
  readonly more?: Readonly<Record<string, Json>>;
}

/** Where both kinds of documents keep their named schemas. */
export function refTo(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/**
 * JSON Schemas (draft 2020-12) of what the validators take, by the same names; one that is part of another is a reference.
 *
 * @throws Error for a validator that JSON Schema cannot express and `hints` do not explain
 */
export function toComponents(schemas: Schemas, { checks = new Map(), more = {} }: Hints): Record<string, Json> {
  const defs = toJsonSchemaDefs(schemas, {
    target: "draft-2020-12",
    typeMode: "input",
    // JSON has no infinities, so that a schema of it need not forbid them; what is trimmed is taken untrimmed; and that the
    // server does not change a list is its own business.
    ignoreActions: ["finite", "trim", "readonly"],
    overrideRef: ({ referenceId }) => String(refTo(referenceId)["$ref"]),
    overrideAction: ({ valibotAction, jsonSchema }) => {
      const meaning = "requirement" in valibotAction ? checks.get(valibotAction.requirement) : undefined;
      return meaning === undefined ? undefined : { ...jsonSchema, ...meaning };
    },
  });
  const components: Record<string, Json> = Object.fromEntries(
    Object.entries(defs).map(([name, def]) => [name, { ...def }]),
  );
  for (const [path, extra] of Object.entries(more)) add(components, path, extra);
  return components;
}

function add(components: Record<string, Json>, path: string, extra: Json): void {
  const [name = "", property] = path.split(".");
  const schema = components[name];
  if (schema === undefined) throw new Error(`${path}: there is no schema ${name}`);
  if (property === undefined) {
    components[name] = { ...schema, ...extra };
    return;
  }
  const { properties } = schema;
  const known: unknown = isJson(properties) ? properties[property] : undefined;
  if (!isJson(properties) || !isJson(known)) throw new Error(`${path}: ${name} has no such property`);
  components[name] = { ...schema, properties: { ...properties, [property]: { ...known, ...extra } } };
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
