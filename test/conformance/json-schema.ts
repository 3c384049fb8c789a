/** The part of JSON Schema that the OpenRPC document uses. */
export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly not?: Schema;
};

const KNOWN = new Set([
  ...["$ref", "type", "enum", "pattern", "required", "properties", "additionalProperties", "patternProperties"],
  ...["items", "minItems", "maxItems", "minimum", "maximum", "oneOf", "anyOf", "allOf", "not"],
  ...["title", "description", "default", "examples", "deprecated", "summary", "format"],
]);

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;

const isObject = (value: unknown): value is Record<string, unknown> => typeOf(value) === "object";

/** Checks values against schemas of one document. A keyword that it does not know is an error of the document. */
export const createValidator = (document: unknown) => {
  const resolve = (ref: string): Schema =>
    ref
      .replace(/^#\//, "")
      .split("/")
      .reduce((node, part) => (node as Record<string, unknown>)[part], document) as Schema;

  /** The first fault, or undefined. */
  const fault = (schema: Schema, value: unknown, path = "$"): string | undefined => {
    for (const keyword of Object.keys(schema))
      if (!KNOWN.has(keyword)) throw new Error(`the schema at ${path} has the keyword ${keyword}`);
    if (schema.$ref !== undefined) return fault(resolve(schema.$ref), value, path);
    const kind = typeOf(value);
    const types = schema.type === undefined ? [] : [schema.type].flat();
    if (types.length > 0 && !types.includes(kind) && !(kind === "integer" && types.includes("number")))
      return `${path}: ${kind}, expected ${types.join(" or ")}`;
    if (schema.enum !== undefined && !schema.enum.includes(value)) return `${path}: not one of ${schema.enum}`;
    if (schema.pattern !== undefined && typeof value === "string" && !new RegExp(schema.pattern).test(value))
      return `${path}: ${value.slice(0, 80)} does not match ${schema.pattern}`;
    if (typeof value === "number") {
      if (value < (schema.minimum ?? value) || value > (schema.maximum ?? value))
        return `${path}: ${value} out of range`;
    }
    if (Array.isArray(value)) {
      if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? value.length))
        return `${path}: ${value.length} items`;
      for (const [i, item] of value.entries()) {
        const wrong = schema.items && fault(schema.items, item, `${path}[${i}]`);
        if (wrong !== undefined) return wrong;
      }
    }
    if (isObject(value)) {
      const wrong = objectFault(schema, value, path);
      if (wrong !== undefined) return wrong;
    }
    for (const part of schema.allOf ?? []) {
      const wrong = fault(part, value, path);
      if (wrong !== undefined) return wrong;
    }
    for (const [keyword, parts] of [
      ["oneOf", schema.oneOf],
      ["anyOf", schema.anyOf],
    ] as const) {
      if (parts === undefined) continue;
      const faults = parts.map((part) => fault(part, value, path));
      const fitting = faults.filter((wrong) => wrong === undefined).length;
      if (fitting === 0) return `${path}: none of ${keyword}: ${faults.join(" | ")}`;
    }
    if (schema.not !== undefined && fault(schema.not, value, path) === undefined) return `${path}: forbidden form`;
    return undefined;
  };

  const objectFault = (schema: Schema, value: Record<string, unknown>, path: string): string | undefined => {
    for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) return `${path}: ${name} is missing`;
    const patterns = Object.entries(schema.patternProperties ?? {});
    for (const [name, member] of Object.entries(value)) {
      const known = schema.properties?.[name];
      const fitting = [
        ...(known === undefined ? [] : [known]),
        ...patterns.filter(([p]) => new RegExp(p).test(name)).map(([, s]) => s),
      ];
      if (fitting.length === 0 && schema.additionalProperties === false) return `${path}: unknown member ${name}`;
      if (fitting.length === 0 && typeof schema.additionalProperties === "object")
        fitting.push(schema.additionalProperties);
      for (const one of fitting) {
        const wrong = fault(one, member, `${path}.${name}`);
        if (wrong !== undefined) return wrong;
      }
    }
    return undefined;
  };

  return fault;
};
export type Validator = ReturnType<typeof createValidator>;
