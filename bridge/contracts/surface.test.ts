import assert from "node:assert/strict";
import { test } from "node:test";
import { type StorageLayout, surfaceLines } from "./surface.ts";

const word = { label: "bytes32", numberOfBytes: "32" };
const count = { label: "uint64", numberOfBytes: "8" };

/** A mapping to a structure; the compiler puts a number of its own into the structure's id. */
const layout = (id: string): StorageLayout => ({
  storage: [
    { label: "count", slot: "0", offset: 0, type: "t_uint64" },
    { label: "notes", slot: "1", offset: 0, type: "t_mapping" },
  ],
  types: {
    t_uint64: count,
    t_bytes32: word,
    t_mapping: { label: "mapping(bytes32 => struct Note)", numberOfBytes: "32", key: "t_bytes32", value: id },
    [id]: {
      label: "struct Note",
      numberOfBytes: "64",
      members: [
        { label: "hash", slot: "0", offset: 0, type: "t_bytes32" },
        { label: "at", slot: "1", offset: 0, type: "t_uint64" },
      ],
    },
  },
});

const transfer = {
  type: "function",
  name: "transfer",
  stateMutability: "nonpayable",
  inputs: [
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
  ],
  outputs: [{ name: "", type: "bool" }],
};
const moved = {
  type: "event",
  name: "Transfer",
  inputs: [
    { name: "from", type: "address", indexed: true },
    { name: "to", type: "address", indexed: true },
    { name: "value", type: "uint256" },
  ],
};
const refused = {
  type: "error",
  name: "Refused",
  inputs: [{ name: "all", type: "tuple[2]", components: [{ name: "id", type: "bytes32" }] }],
};

test("a contract's lines: ABI with selectors and topics, each variable's place, the structures below", () => {
  assert.deepEqual(surfaceLines("Notes", { abi: [transfer, moved, refused], storageLayout: layout("t_struct1") }), [
    "Notes",
    "  abi",
    "    error Refused((bytes32 id)[2] all) 0x9d5b2dc3",
    "    event Transfer(address indexed from, address indexed to, uint256 value) 0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    "    function transfer(address to, uint256 value) nonpayable returns (bool) 0xa9059cbb",
    "  storage",
    "    slot 0 byte 0 uint64 count (8 bytes)",
    "    slot 1 byte 0 mapping(bytes32 => struct Note) notes (32 bytes)",
    "    struct Note",
    "      slot 0 byte 0 bytes32 hash (32 bytes)",
    "      slot 1 byte 0 uint64 at (8 bytes)",
    "",
  ]);
});

test("numbers that the compiler gives to types, and the order of the ABI, change nothing", () => {
  assert.deepEqual(
    surfaceLines("Notes", { abi: [transfer, refused], storageLayout: layout("t_struct1") }),
    surfaceLines("Notes", { abi: [refused, transfer], storageLayout: layout("t_struct2") }),
  );
});

test("a contract without storage", () => {
  const lines = surfaceLines("Empty", { abi: [], storageLayout: { storage: [], types: null } });
  assert.deepEqual(lines, ["Empty", "  abi", "  storage", ""]);
});
