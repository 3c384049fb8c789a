import path from "node:path";
import {
  isIdentifier,
  isLiteralTypeNode,
  isNewExpression,
  isObjectLiteralExpression,
  isPropertyAssignment,
  isStringLiteral,
  isTypeAliasDeclaration,
  isUnionTypeNode,
  isVariableDeclaration,
  type Node,
  type SourceFile,
} from "typescript/unstable/ast";
import { API, type Checker } from "typescript/unstable/sync";
import { isSource, ROOMS_OF_PRODUCTION } from "./page.ts";

/** A member of a union of codes. `doc` is empty where nothing is said of it. `file`: from the root. */
export type DeclaredCode = {
  readonly code: string;
  readonly doc: string;
  readonly union: string;
  readonly file: string;
};
/** A place that makes an error. `codes`: what it may be, as the type checker knows it; undefined: any text. */
export type ThrownCode = { readonly codes: readonly string[] | undefined; readonly place: string };
export type ErrorCodes = {
  readonly declared: readonly DeclaredCode[];
  readonly thrown: readonly ThrownCode[];
  /** Texts that stand anywhere but in a type. */
  readonly used: ReadonlySet<string>;
  /** The numbers of JSON-RPC's errors, by their names here. */
  readonly numbers: readonly { readonly name: string; readonly doc: string; readonly file: string }[];
};

/** The text of the last doc comment between two places of a source, on one line. */
const docBetween = (source: string, from: number, to: number): string =>
  (
    source
      .slice(from, to)
      .match(/\/\*\*[\s\S]*?\*\//g)
      ?.at(-1) ?? ""
  )
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^\s*\* ?/gm, "")
    .replace(/\s+/g, " ")
    .trim();

/** The members of a union that are texts, each with what is said before it. A union of one may say it before itself. */
const declarationsIn = (node: Node, { text }: SourceFile, file: string): readonly DeclaredCode[] => {
  if (!isTypeAliasDeclaration(node) || !node.name.text.endsWith("Code")) return [];
  const members = isUnionTypeNode(node.type) ? [...node.type.types] : [node.type];
  let from = members.length === 1 ? node.pos : node.name.end;
  return members.flatMap((member) => {
    const begin = from;
    from = member.end;
    if (!isLiteralTypeNode(member) || !isStringLiteral(member.literal)) return [];
    const doc = docBetween(text, begin, member.literal.end);
    return [{ code: member.literal.text, doc, union: node.name.text, file }];
  });
};

const codesAt = (checker: Checker, node: Node): readonly string[] | undefined => {
  const type = checker.getTypeAtLocation(node);
  const parts = type?.isUnionType() ? type.getTypes() : [type];
  const codes = parts.map((part) => (part?.isStringLiteralType() ? part.value : undefined));
  return codes.every((code) => code !== undefined) ? codes : undefined;
};

/** The codes of all sources under a root that has a tsconfig.json. */
export const readErrorCodes = (root: string): ErrorCodes => {
  const declared: DeclaredCode[] = [];
  const thrown: ThrownCode[] = [];
  const used = new Set<string>();
  const numbers: { name: string; doc: string; file: string }[] = [];
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProjects: [path.join(root, "tsconfig.json")] }).getProjects();
    if (project === undefined) throw new Error(`no project at ${root}`);
    const { checker, program } = project;

    const visit = (node: Node, source: SourceFile, file: string): void => {
      declared.push(...declarationsIn(node, source, file));
      if (isStringLiteral(node) && !isLiteralTypeNode(node.parent)) used.add(node.text);
      if (isNewExpression(node) && isIdentifier(node.expression) && node.expression.text === "CodedError") {
        const [code] = node.arguments ?? [];
        const line = source.text.slice(0, node.end).split("\n").length;
        if (code !== undefined) thrown.push({ codes: codesAt(checker, code), place: `${file}:${line}` });
      }
      if (isVariableDeclaration(node) && isIdentifier(node.name) && node.name.text === "RPC_CODE") {
        const value = node.initializer;
        value?.forEachChild((inner) => {
          if (!isObjectLiteralExpression(inner)) return;
          for (const property of inner.properties)
            if (isPropertyAssignment(property) && isIdentifier(property.name)) {
              const doc = docBetween(source.text, property.pos, property.name.end);
              numbers.push({ name: property.name.text, doc, file });
            }
        });
      }
      node.forEachChild((child) => visit(child, source, file));
    };

    for (const name of program.getSourceFileNames()) {
      const file = path.relative(root, name).split(path.sep).join("/");
      if (!ROOMS_OF_PRODUCTION.some((room) => file.startsWith(`${room}/`)) || !isSource(file)) continue;
      const source = program.getSourceFile(name);
      if (source !== undefined) visit(source, source, file);
    }
  } finally {
    api.close();
  }
  return { declared, thrown, used, numbers };
};
