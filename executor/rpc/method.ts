import type { z } from "zod";
import type { Backend } from "./backend.ts";
import { invalidParams } from "./errors.ts";

// biome-ignore lint/suspicious/noExplicitAny: a table holds schemas of every output.
type Schema = z.ZodType<any>;
type Outputs<S extends readonly Schema[]> = { -readonly [K in keyof S]: z.output<S[K]> };

/** One row of the method table. */
export type Method = {
  readonly params: readonly Schema[];
  call(params: readonly unknown[], backend: Backend): unknown;
};

/** A row from its parameters' schemas, in order, and a handler of their outputs. */
export const method = <const S extends readonly Schema[]>(
  params: S,
  handler: (params: Outputs<S>, backend: Backend) => unknown,
): Method => ({ params, call: (given, backend) => handler(parse(params, given) as Outputs<S>, backend) });

export type MethodTable = Readonly<Record<string, Method>>;

/** Positional parameters against their schemas. -32602 in geth's words. */
export const parse = (schemas: readonly Schema[], given: readonly unknown[]): unknown[] => {
  if (given.length > schemas.length) throw invalidParams(`too many arguments, want at most ${schemas.length}`);
  return schemas.map((schema, index) => {
    const value = given[index];
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    if (value === undefined || value === null) throw invalidParams(`missing value for required argument ${index}`);
    const issue = result.error.issues[0];
    const path = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.map(String).join(".")}`;
    throw invalidParams(`invalid argument ${index}${path}: ${issue?.message ?? "invalid value"}`);
  });
};
