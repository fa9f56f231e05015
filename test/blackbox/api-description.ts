import { isJson, SchemaChecker } from "./json-schema.ts";
import type { Json } from "./json-schema.ts";
import type { RawAnswer } from "./raw-http.ts";

/** One method of one address, as the description has it. */
export interface DescribedOperation {
  readonly method: string;
  /** With `{id}` where something stands in for it. */
  readonly path: string;
  readonly id: string;
  readonly needsToken: boolean;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  /** Schema of the body by content type; none: no body. */
  readonly body: ReadonlyMap<string, Json>;
  readonly responses: ReadonlyMap<number, Json>;
}

const METHODS: ReadonlySet<string> = new Set(["get", "put", "post", "patch", "delete"]);

/** The API as its OpenAPI document describes it. */
export class Description {
  readonly operations: readonly DescribedOperation[];
  readonly checker: SchemaChecker;

  constructor(document: unknown) {
    if (!isJson(document)) throw new Error("the description is no JSON object");
    this.checker = new SchemaChecker(document);
    this.operations = entries(document["paths"]).flatMap(([path, methods]) =>
      entries(methods)
        .filter(([method]) => METHODS.has(method))
        .map(([method, operation]) => this.#operation(method, path, operation)),
    );
  }

  #operation(method: string, path: string, operation: Json): DescribedOperation {
    const { operationId, parameters, requestBody, security, responses } = operation;
    return {
      method: method.toUpperCase(),
      path,
      id: String(operationId),
      needsToken: !(Array.isArray(security) && security.length === 0),
      parameters: (Array.isArray(parameters) ? parameters.filter(isJson) : []).map((each) => ({
        name: String(each["name"]),
        in: String(each["in"]),
        schema: isJson(each["schema"]) ? each["schema"] : {},
      })),
      body: contentOf(isJson(requestBody) ? requestBody : {}),
      responses: new Map(entries(responses).map(([status, answer]) => [Number(status), this.checker.resolve(answer)])),
    };
  }

  /** All operations of the address that a path means; several where one path has several methods. */
  at(path: string): DescribedOperation[] {
    const parts = path.split("/");
    return this.operations.filter((operation) => {
      const wanted = operation.path.split("/");
      return (
        wanted.length === parts.length &&
        wanted.every((part, at) => (part.startsWith("{") ? parts[at] !== "" : part === parts[at]))
      );
    });
  }

  /** Why an answer is not one of those that are described; empty if it is. */
  faults(operation: DescribedOperation, answer: RawAnswer): string[] {
    const response = operation.responses.get(answer.status);
    if (response === undefined) return [`status ${answer.status} is not described`];
    const wrongHeaders = entries(response["headers"]).flatMap(([name, header]) => this.#header(name, header, answer));
    const content = contentOf(response);
    if (content.size === 0) return [...wrongHeaders, ...(answer.text === "" ? [] : ["a body is not described"])];
    const type = typeOf(answer);
    const schema = content.get(type);
    if (schema === undefined) return [...wrongHeaders, `content type ${type} is not described`];
    return [...wrongHeaders, ...this.bodyFaults(schema, type, answer.text)];
  }

  /** Whether this is a problem (RFC 9457) whatever the operation. */
  problemFaults(answer: RawAnswer): string[] {
    const type = typeOf(answer);
    if (type !== "application/problem+json") return [`content type ${type} is no problem`];
    return this.bodyFaults({ $ref: "#/components/schemas/Problem" }, type, answer.text);
  }

  bodyFaults(schema: Json, type: string, text: string): string[] {
    if (!/[/+]json$/.test(type)) return this.checker.faults(schema, text);
    try {
      return this.checker.faults(schema, JSON.parse(text));
    } catch (error) {
      return [`the body: ${String(error)}`];
    }
  }

  #header(name: string, header: Json, { headers }: RawAnswer): string[] {
    const value = headers[name];
    if (value === undefined) return header["required"] === true ? [`header ${name} is missing`] : [];
    const schema = isJson(header["schema"]) ? header["schema"] : {};
    const parsed = schema["type"] === "integer" ? Number(value) : value;
    return this.checker.faults(schema, parsed).map((fault) => `header ${name}: ${fault}`);
  }
}

export function typeOf({ headers }: RawAnswer): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function contentOf(part: Json): Map<string, Json> {
  return new Map(
    entries(part["content"]).map(([type, media]) => [type, isJson(media["schema"]) ? media["schema"] : {}]),
  );
}

function entries(value: unknown): [string, Json][] {
  if (!isJson(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, Json] => isJson(entry[1]));
}
