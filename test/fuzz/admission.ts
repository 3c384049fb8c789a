import {
  type Bytes,
  encodeProgram,
  equalBytes,
  fromHex,
  type Program,
  programId,
  toHex,
} from "../../executor/index.ts";
import { judgeArtifact } from "../../executor/models/create-runtime.ts";
import { encodeAdmission } from "../../executor/protocol/model-call.ts";
import { CASES } from "../../executor/tensor/constraints.fixture.ts";
import { byteDiffers, differs, openAdmission } from "../support/admission-proof.ts";
import { deployLeafRules } from "../support/leaf-rules.ts";
import { createRandom, type Random, randomProgram } from "../support/random-program.ts";

/** Artifacts, well-formed and not, leaf by leaf through the contracts. */
export type AdmissionTally = { leaves: number; admitted: number; refused: number; readonly findings: string[] };

const HEADER_AT = 2 ** 16;
const END_AT = 2 ** 18 - 1;

/** Some bytes are changed, most where records lie. */
const mutated = (random: Random, artifact: Bytes): Bytes => {
  const bytes = artifact.slice();
  const front = Math.min(bytes.length, 96 + random.between(0, 2_000));
  for (let changes = random.between(1, 2); changes > 0; changes--) {
    const at = random.chance(0.1) ? random.below(bytes.length) : random.below(front);
    bytes[at] = random.chance(0.5)
      ? (bytes[at] as number) ^ (1 << random.below(8))
      : random.pick([0, 1, 2, 5, 127, 128, 255]);
  }
  if (random.chance(0.05)) return bytes.subarray(0, bytes.length - random.below(40));
  return random.chance(0.03) ? Uint8Array.from([...bytes, 0]) : bytes;
};

/** Judges each leaf that the artifact has, and some that it has not. */
export const judgeLeaves = async (
  rules: Awaited<ReturnType<typeof deployLeafRules>>,
  {
    artifact,
    id,
    random,
    what,
  }: { readonly artifact: Bytes; readonly id: Bytes; readonly random: Random; readonly what: string },
): Promise<{ readonly leaves: number; readonly isAdmitted: boolean; readonly findings: readonly string[] }> => {
  const { trace, run } = openAdmission(artifact, id, random.between(20, 400));
  const positions = [
    ...Array.from({ length: run.objects + 1 }, (_, p) => p),
    ...Array.from({ length: run.states.length + 1 }, (_, i) => HEADER_AT + i),
    END_AT - 1,
    END_AT,
  ];
  const findings: string[] = [];
  let leaves = 0;
  // What a node answers without a tree.
  const admission = judgeArtifact(toHex(id), artifact);
  if (!equalBytes(run.output, encodeAdmission(admission))) findings.push(`${what}: the node judges otherwise`);
  for (const position of positions) {
    const found = await differs(rules, trace, position);
    leaves++;
    if (found !== undefined) findings.push(`${what}: ${found}`);
  }
  for (let object = 0; object < run.objects; object++) {
    const kind = await trace.leafKind(object);
    if (kind.kind !== "descend") continue;
    const found = await byteDiffers(rules, trace, object, random.below(2 ** kind.height));
    leaves++;
    if (found !== undefined) findings.push(`${what}: ${found}`);
  }
  return { leaves, isAdmitted: run.output.length > 0, findings };
};

/** `count` random artifacts from a seed, two in three of them changed; then, with `cases`, the rules' own table. */
export const fuzzAdmission = async (
  { count, seed }: { readonly count: number; readonly seed: number },
  cases = true,
): Promise<AdmissionTally> => {
  const rules = await deployLeafRules({ height1: 9, most2: 18, most3: 29 });
  const tally: AdmissionTally = { leaves: 0, admitted: 0, refused: 0, findings: [] };
  const random = createRandom(seed);
  const judge = async (artifact: Bytes, id: Bytes, what: string): Promise<void> => {
    const { leaves, isAdmitted, findings } = await judgeLeaves(rules, { artifact, id, random, what });
    tally.leaves += leaves;
    tally[isAdmitted ? "admitted" : "refused"]++;
    tally.findings.push(...findings);
  };
  for (let i = 0; i < count; i++) {
    const program = randomProgram(random);
    const id = fromHex(programId(program));
    const artifact = encodeProgram(program);
    await judge(random.chance(0.33) ? artifact : mutated(random, artifact), id, `seed ${seed}, artifact ${i}`);
  }
  const encoded = (program: Program): Bytes | undefined => {
    try {
      return encodeProgram(program);
    } catch {
      // Numbers that no bytes hold.
      return undefined;
    }
  };
  if (cases)
    for (const [rule, what, malformed, neighbour] of CASES)
      for (const [name, program] of [
        [`${rule} ${what}`, malformed],
        [`${rule} ${what}, neighbour`, neighbour],
      ] as const) {
        const artifact = encoded(program);
        if (artifact !== undefined) await judge(artifact, fromHex(programId(program)), name);
      }
  return tally;
};
