import { RLP } from "@ethereumjs/rlp";
import {
  type Bytes,
  concat,
  encodeSealedBlock,
  fromHex,
  type Hex,
  type SealedBlock,
  uintBE,
} from "../../executor/index.ts";
import type { Random } from "../support/random-program.ts";

/** What a peer can send to a node: the topic's messages, and the requests of each protocol. */
export const TARGETS = ["gossip", "status/1", "blocks/1", "content/1"] as const;
export type Target = (typeof TARGETS)[number];

/** A message, and whether a node may take it for what it says. */
export type Message = { readonly target: Target; readonly kind: string; readonly bytes: Bytes };

export type Corpus = {
  readonly genesisHash: Hex;
  /** Blocks that the sequencer signed. */
  readonly blocks: readonly SealedBlock[];
  /** Hashes of content that the node has. */
  readonly hashes: readonly Hex[];
};

type Nested = Uint8Array | Nested[];

const plain = (random: Random, { genesisHash, blocks, hashes }: Corpus): Readonly<Record<Target, () => Bytes>> => ({
  gossip: () => encodeSealedBlock(random.pick(blocks)),
  "status/1": () => RLP.encode([fromHex(genesisHash), BigInt(random.below(1_000)), BigInt(random.below(1_000))]),
  "blocks/1": () => RLP.encode([BigInt(random.below(40)), BigInt(random.below(129))]),
  "content/1": () =>
    RLP.encode([
      BigInt(random.below(3)),
      Array.from({ length: random.between(1, 64) }, () => fromHex(random.pick(hashes))),
    ]),
});

const randomBytes = (random: Random, length: number): Bytes => Uint8Array.from({ length }, () => random.below(256));

/** Replaces one item somewhere in the tree. */
const replaceItem = (random: Random, item: Nested, by: (item: Nested) => Nested): Nested => {
  if (item instanceof Uint8Array || item.length === 0 || random.chance(0.2)) return by(item);
  const at = random.below(item.length);
  return item.map((part, i) => (i === at ? replaceItem(random, part, by) : part));
};

const overTree = (random: Random, bytes: Bytes, by: (item: Nested) => Nested): Bytes =>
  RLP.encode(replaceItem(random, RLP.decode(bytes) as Nested, by));

/** Counts that no message has, and those on either side of a bound. */
const HUGE = [127n, 128n, 129n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 255n];

type Mutation = (random: Random, bytes: Bytes) => Bytes;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bit flips"(random, bytes) {
    const mutated = bytes.slice();
    for (let i = random.between(1, 8); i > 0 && mutated.length > 0; i--) {
      const at = random.below(mutated.length);
      mutated[at] = (mutated[at] as number) ^ (1 << random.below(8));
    }
    return mutated;
  },
  truncation: (random, bytes) => bytes.slice(0, random.below(bytes.length + 1)),
  "trailing bytes": (random, bytes) => concat(bytes, randomBytes(random, random.between(1, 40))),
  "a length that lies"(random, bytes) {
    const prefixes = [...bytes.keys()].filter((at) => (bytes[at] as number) >= 0x80);
    const mutated = bytes.slice();
    if (prefixes.length === 0) return concat(mutated, Uint8Array.of(0xbf));
    // The outermost prefixes most often: they say how long the whole is.
    const at = random.chance(0.5) ? (prefixes[0] as number) : random.pick(prefixes);
    mutated[at] = random.pick([0x80, 0xb7, 0xbb, 0xbf, 0xc0, 0xf7, 0xfb, 0xff, random.between(0x80, 0xff)]);
    return mutated;
  },
  "an item of another type": (random, bytes) =>
    overTree(random, bytes, (item) => {
      if (item instanceof Uint8Array) return random.pick<Nested>([[], [item], [[item], item], new Uint8Array(0)]);
      return random.pick<Nested>([new Uint8Array(0), Uint8Array.of(1), randomBytes(random, 33)]);
    }),
  "a huge count": (random, bytes) =>
    overTree(random, bytes, (item) => {
      if (item instanceof Uint8Array) return RLP.decode(RLP.encode(random.pick(HUGE))) as Nested;
      const filler = item[0] ?? new Uint8Array(0);
      return Array.from({ length: random.pick([64, 65, 300, 5_000]) }, () => filler);
    }),
  "a deep nest"(random) {
    let nest: Nested = [];
    for (let depth = random.pick([2, 20, 200]); depth > 0; depth--) nest = [nest];
    return RLP.encode(nest);
  },
  "random bytes": (random) => randomBytes(random, random.below(400)),
};

/** Of a sealed block alone: what is signed stays, or what is not. */
const FORGERIES: Readonly<Record<string, (random: Random, corpus: Corpus) => SealedBlock>> = {
  "another body under its signature"(random, { blocks }) {
    const block = random.pick(blocks);
    const envelopes = random.pick([
      [],
      random.pick(blocks.filter(({ hash }) => hash !== block.hash)).envelopes,
      [...block.envelopes, ...block.envelopes],
      block.envelopes.map((envelope) => concat(envelope, Uint8Array.of(0))),
    ]);
    return { ...block, envelopes };
  },
  "another block's signature"(random, { blocks }) {
    const block = random.pick(blocks);
    return { ...block, seal: random.pick(blocks.filter(({ hash }) => hash !== block.hash)).seal };
  },
  "another seal under its signature"(random, { blocks }) {
    const block = random.pick(blocks);
    const seal = random.pick([
      { ...block.seal, revision: block.seal.revision + BigInt(random.between(1, 9)) },
      { ...block.seal, sealedAt: BigInt(random.below(2 ** 40)) },
      { ...block.seal, signature: concat(block.seal.signature.subarray(0, 64), Uint8Array.of(random.between(2, 255))) },
      { ...block.seal, signature: new Uint8Array(65) },
    ]);
    return { ...block, seal };
  },
  "another header under its signature"(random, { blocks }) {
    const block = random.pick(blocks);
    const number = random.pick([block.header.number + 1n, 2n ** 64n - 1n, block.header.number + 513n]);
    const header = random.pick([
      { ...block.header, number },
      { ...block.header, timestamp: block.header.timestamp + BigInt(random.between(1, 100)) },
      { ...block.header, gasUsed: 2n ** 64n - 1n },
    ]);
    return { ...block, header };
  },
};

export const REPLAY = "a replay";
const KINDS = [REPLAY, ...Object.keys(MUTATIONS), ...Object.keys(FORGERIES)];

/** One message that is wrong, or was right once. */
export const messageOf = (random: Random, corpus: Corpus): Message => {
  const kind = random.pick(KINDS);
  const forge = FORGERIES[kind];
  if (forge !== undefined) return { target: "gossip", kind, bytes: encodeSealedBlock(forge(random, corpus)) };
  const target = random.chance(0.5) ? "gossip" : random.pick(TARGETS);
  const bytes = plain(random, corpus)[target]();
  return { target, kind, bytes: MUTATIONS[kind]?.(random, bytes) ?? bytes };
};

/** A request as it lies on a stream: cut somewhere, or with a length that is not its own. */
export const piecesOf = (random: Random, bytes: Bytes): Bytes[] => {
  const length = random.chance(0.8) ? bytes.length : random.pick([0, 1, bytes.length + 1, 2 ** 31, 2 ** 32 - 1]);
  const framed = concat(uintBE(length, 4), bytes);
  const pieces: Bytes[] = [];
  // Everywhere, or at one place that is any.
  const cuts = random.chance(0.2) ? [...framed.keys()].slice(0, 64) : [random.below(framed.length)];
  let from = 0;
  for (const to of [...cuts, framed.length]) {
    if (to > from) pieces.push(framed.subarray(from, to));
    from = Math.max(from, to);
  }
  return pieces;
};
