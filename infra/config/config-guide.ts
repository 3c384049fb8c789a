import { COMMAND_SETTINGS, type CommandName, settingsTable } from "./config.ts";

const TITLES: Readonly<Record<CommandName, string>> = {
  devnet: "Everything on one machine, with a sample model and contract.",
  sequencer: "Orders transactions, builds blocks, posts batches.",
  executor:
    "Derives the chain from L1, hears new blocks from peers before, executes and serves it; with a key, claims it on L1.",
  challenger: "A node that recomputes every claim from L1 and disputes the wrong ones, down to one tensor element.",
  deploy: "Deploys a new chain's L1 contracts, and writes the rollup.json that its nodes read.",
  "upgrade deploy":
    "Deploys this version's claim registry, rules and verifiers, with the parameters of the registry in force, and the rollup file's schedule of forks, to take over from it. Nothing changes by that.",
  "upgrade schedule":
    "The owner announces that a claim registry takes over: not before the upgrade delay, in which everybody can leave.",
  "upgrade cancel": "The owner takes an announced upgrade back.",
  "upgrade execute": "Anyone lets the announced registry take over, when its time has come.",
  "keys rotate": "The owner announces another key of a role, in effect after the rotation delay.",
  "keys cancel": "The owner takes an announced key back before its time.",
  "snapshot export":
    "Writes the state at a confirmed claim to a file, from a copy of a node's directory or a node that is stopped: a backup, and what new nodes begin with (`--snapshot`).",
  "snapshot verify": "Checks a snapshot, piece by piece, against the claim that L1 has confirmed. It needs no trust.",
  audit: "Compares two nodes down to the first block on which they differ; exit code 3 when there is one.",
  status:
    "A node's heads, how far it has read L1, the newest claims and the rules of withdrawals; or, with a hash, a transaction's state: unsafe, safe, finalized, claimed or confirmed, and when the next is expected.",
  "peers list": "A node's peers: id, address, direction, score, bytes in and out.",
  "peers add": "Connects a node to the peer of a multiaddress, and keeps the connection.",
  "peers remove": "Drops a node's peer by its id: it is not dialled again by name, but may be found again.",
  "evidence list": "Heights at which the sequencer signed two blocks. After an equivocation gossip is not followed.",
  "evidence resume": "An operator has seen the evidence: gossip is followed again.",
  "dispute list":
    "A line for every claim that a challenger does not hold for right: what is wrong or not judged, what it does, how much time is left; exit code 3 when there is one that is not decided, or was confirmed, or when it does not know.",
  "dispute show": "One dispute: the right claim, the wrong ones with their clocks, the moves.",
  "dispute explain": "Why the challenger makes each move, or why it makes none.",
  "model inspect": "Facts about an ONNX model, or every reason why it is refused.",
  "model compile": "Writes the artifact of an ONNX model.",
  "model publish": "Posts a model's artifact to L1 and registers it.",
  "model list": "The models that contracts can call, oldest first.",
  "model status": "What became of a model's publications: on L1, and what the rollup says of them.",
};

/** What a node tells its operator when it stands still, and what is to be done. */
const STANDSTILLS = `## When a node is not ready

\`/readyz\` answers 503 and names each check that does not hold; the metrics say more.

| check | what it says | what happens | what to do |
| --- | --- | --- | --- |
| \`l1\` | no new L1 block for two minutes | the node stands at the last L1 block that it read | look at the L1 endpoint; \`assay_l1_source_behind_blocks\` above zero: it answers from a node that is behind what was read before, which takes nothing back |
| \`derivation\` | a code, or how many batches are not derived | the safe head stands still | the code names what is missing; the node tries again by itself |
| \`production\` | \`BATCH_WINDOW_HALF_GONE\` | the sequencer builds no block: L1 takes a batch for 300 blocks from its origin, and half of them have passed (\`assay_batches_oldest_age_blocks\`). What is built already is posted in the other half, and nothing is taken back | let the sequencer's account bring its batches to L1: funds, fees, the endpoint (\`assay_transactor_pending_transactions\`, \`assay_poster_batches_total\`) |
| \`production\` | \`BATCHES_PENDING_FULL\`, \`BLOCKS_UNSAFE_FULL\` | the sequencer builds no block: so much waits for L1 already | the same |
| \`gossip\` | the sequencer signed against its own word | L1 alone is followed | \`assay evidence list\`, then \`assay evidence resume\` |

A batch counts as posted when the inbox on L1 has its record, whatever is heard of the transaction:
\`assay_poster_batches_total{outcome="posted"}\`. While a batch waits for L1 the next one grows instead of being closed:
\`--batch-interval-ms\` is a least time. A rise of \`assay_poster_rebuilds_total\` is blocks that were taken back because L1
will not take their batch: after a forced message, or a window that passed while nothing reached L1.

A node that ends at its start says why by a code on standard error. \`NODE_L1_GENESIS\`: the genesis of \`--rollup\` is not
the first claim on L1, so its accounts or parameters are not those of this chain; nothing of it was written to
\`--data-dir\`. \`NODE_L1_CHAIN\`, \`NODE_L1_CONTRACTS\`: the file is of another L1. \`CHAIN_GENESIS_MISMATCH\`: the data
directory is another chain's.`;

/** The text of `infra/README.md`: what every command can be told, straight from the table of settings. */
export const configurationGuide = (): string =>
  [
    "# Running Assay",
    "",
    "A flag wins over its environment variable, the variable over the default. Exit codes: 0 done, or stopped in order;",
    "1 failed, with a code on standard error; 2 asked for wrongly; 3 from `audit`: the nodes differ, from `dispute list`:",
    "a claim is wrong, or it is not known whether one is. Standard output has answers only; logs go to standard error or a",
    "file: pretty on a terminal, JSON otherwise. A node serves `/metrics`, `/healthz` and `/readyz` on its metrics port. All",
    "servers listen on loopback; peers are heard on `--p2p-listen`. [ERRORS.md](ERRORS.md) says of every code what happened",
    "and what to do, [METRICS.md](METRICS.md) what is measured.",
    ...(Object.keys(COMMAND_SETTINGS) as CommandName[]).flatMap((name) => [
      "",
      `## assay ${name}`,
      "",
      TITLES[name],
      "",
      settingsTable(name),
    ]),
    "",
    STANDSTILLS,
    "",
  ].join("\n");
