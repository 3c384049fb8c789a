import { parts } from "./parts.ts";

/** `npm run fuzz [part] [count] [seed]`, or FUZZ_COUNT and FUZZ_SEED. Without a part: all, each with its own count. */

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const numberOf = (text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`not a whole number: ${text}\n`);
  return process.exit(2);
};

const [name, ...rest] = /^\d/.test(process.argv[2] ?? "0")
  ? [undefined, ...process.argv.slice(2)]
  : process.argv.slice(2);
const selected = parts.filter((part) => name === undefined || part.name === name);
if (selected.length === 0) {
  process.stderr.write(`no part "${name}": ${parts.map((part) => part.name).join(", ")}\n`);
  process.exit(2);
}
const seed = numberOf(rest[1] ?? process.env["FUZZ_SEED"], Math.floor(Math.random() * 2 ** 30));

let findings = 0;
for (const part of selected) {
  const count = numberOf(rest[0] ?? process.env["FUZZ_COUNT"], part.count);
  print(`${part.name}: ${count} ${part.what} from seed ${seed}`);
  const found = await part.run({ count, seed, print });
  for (const what of found) print(what);
  print(found.length === 0 ? "no finding" : `${found.length} findings`);
  findings += found.length;
}
process.exit(findings === 0 ? 0 : 1);
