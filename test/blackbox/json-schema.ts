/** A JSON object that was read from a document. */
export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keywords that say nothing about whether a value fits, or that a JSON parser decides. */
const IGNORED: ReadonlySet<string> = new Set(["description", "default", "format", "title"]);

/**
 * Holds values against JSON Schemas (draft 2020-12) of one document: as much of it as the document uses. An unknown keyword is
 * an error, so that nothing passes because it was not looked at.
 */
export class SchemaChecker {
  readonly #document: Json;

  constructor(document: Json) {
    this.#document = document;
  }

  /** What a local reference points at; anything else is answered as it is. */
  resolve(schema: Json): Json {
    const { $ref } = schema;
    if (typeof $ref !== "string") return schema;
    let target: unknown = this.#document;
    for (const part of $ref.replace(/^#\//, "").split("/")) target = isJson(target) ? target[part] : undefined;
    if (!isJson(target)) throw new Error(`${$ref} points at nothing`);
    return this.resolve(target);
  }

  /**
   * Why a value does not fit; empty if it does. Fields that a schema does not name count as wrong: the server promises that
   * there may be more of them one day, not that it has some already.
   */
  faults(schema: Json, value: unknown, path = "", isPart = false): string[] {
    const own = Object.entries(schema).flatMap(([keyword, rule]) => this.#keyword(keyword, rule, value, path, schema));
    if (isPart || !isJson(value)) return own;
    const names = this.#names(schema);
    if (names === undefined) return own;
    const unknown = Object.keys(value).filter((name) => !names.has(name));
    return [...own, ...unknown.map((name) => `${path}/${name} is not in the schema`)];
  }

  /** Names of the properties that a schema knows; undefined where it says nothing about them. */
  #names(schema: Json): ReadonlySet<string> | undefined {
    const { $ref, properties, allOf, anyOf } = schema;
    if (anyOf !== undefined || $ref !== undefined) return undefined;
    const parts = Array.isArray(allOf) ? allOf.filter(isJson).map((part) => this.resolve(part)) : [];
    const all = [properties, ...parts.map((part) => part["properties"])].filter(isJson);
    return all.length === 0 ? undefined : new Set(all.flatMap((each) => Object.keys(each)));
  }

  #keyword(keyword: string, rule: unknown, value: unknown, path: string, schema: Json): string[] {
    if (IGNORED.has(keyword)) return [];
    const list = Array.isArray(rule) ? rule.filter(isJson) : [];
    switch (keyword) {
      case "$ref":
        return this.faults(this.resolve(schema), value, path);
      case "allOf":
        return list.flatMap((part) => this.faults(this.resolve(part), value, path, true));
      case "anyOf":
        return list.some((part) => this.faults(part, value, path).length === 0) ? [] : [`${path} fits no choice`];
      case "properties":
        return isJson(rule) && isJson(value) ? this.#properties(rule, value, path) : [];
      case "propertyNames":
        return isJson(rule) && isJson(value) ? Object.keys(value).flatMap((name) => this.faults(rule, name, path)) : [];
      case "additionalProperties":
        // What a schema allows beside the fields that it names; without names these are all.
        if (!isJson(rule) || !isJson(value) || isJson(schema["properties"])) break;
        return Object.entries(value).flatMap(([name, part]) => this.faults(rule, part, `${path}/${name}`));
      case "items":
        return isJson(rule) && Array.isArray(value)
          ? value.flatMap((item, at) => this.faults(rule, item, `${path}/${at}`))
          : [];
      case "prefixItems":
        return Array.isArray(value)
          ? list.flatMap((part, at) => (at < value.length ? this.faults(part, value[at], `${path}/${at}`) : []))
          : [];
      default:
    }
    return isSimplyRight(keyword, rule, value) ? [] : [`${path} ${keyword} ${JSON.stringify(rule)}`];
  }

  #properties(properties: Json, value: Json, path: string): string[] {
    return Object.entries(properties).flatMap(([name, part]) =>
      name in value && isJson(part) ? this.faults(part, value[name], `${path}/${name}`) : [],
    );
  }
}

/** Keywords that need no other schema. Most hold for one type only and are true for every other (6 of the validation draft). */
function isSimplyRight(keyword: string, rule: unknown, value: unknown): boolean {
  const bound = Number(rule);
  switch (keyword) {
    case "type":
      return [rule].flat().some((type) => isOfType(type, value));
    case "const":
      return JSON.stringify(value) === JSON.stringify(rule);
    case "enum":
      return Array.isArray(rule) && rule.some((one) => JSON.stringify(one) === JSON.stringify(value));
    case "required":
      return !isJson(value) || (Array.isArray(rule) && rule.every((name) => String(name) in value));
    case "additionalProperties":
      // Every unknown field counts as wrong anyway.
      return rule === false;
    case "minimum":
      return typeof value !== "number" || value >= bound;
    case "maximum":
      return typeof value !== "number" || value <= bound;
    case "minLength":
      return typeof value !== "string" || Array.from(value).length >= bound;
    case "maxLength":
      return typeof value !== "string" || Array.from(value).length <= bound;
    case "pattern":
      return typeof value !== "string" || new RegExp(String(rule), "u").test(value);
    case "minItems":
      return !Array.isArray(value) || value.length >= bound;
    case "maxItems":
      return !Array.isArray(value) || value.length <= bound;
    default:
      throw new Error(`the checker does not know the keyword ${keyword}`);
  }
}

function isOfType(type: unknown, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isJson(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    default:
      throw new Error(`there is no type ${String(type)} in JSON Schema`);
  }
}
