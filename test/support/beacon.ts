import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type Bytes, commitBlob, toHex } from "../../executor/index.ts";

/** What an endpoint does when it is asked for blobs. */
export type BeaconMood = "honest" | "wrong" | "empty" | "failing" | "garbage" | "endless";

export type BeaconOptions = {
  /** Which of the two paths for blobs it has: that of today, or the one before Fulu. */
  readonly serves?: "blobs" | "sidecars";
  readonly secondsPerSlot?: bigint;
};

const GENESIS = 1_000n;

/** An L1 consensus node of a test: blobs by slot, as the Beacon API has them. */
export const startBeacon = async (t: TestContext, { serves = "blobs", secondsPerSlot = 12n }: BeaconOptions = {}) => {
  const slots = new Map<string, Bytes[]>();
  const asked: string[] = [];
  let mood: BeaconMood = "honest";

  const spoil = (blob: Bytes): Bytes => blob.map((byte, i) => (i === 1_000 ? byte ^ 1 : byte));
  const blobsOf = (slot: string): Bytes[] => {
    const blobs = mood === "empty" ? [] : (slots.get(slot) ?? []);
    return mood === "wrong" ? blobs.map(spoil) : blobs;
  };
  const answer = async (url: URL): Promise<unknown> => {
    if (url.pathname === "/eth/v1/config/spec") return { data: { SECONDS_PER_SLOT: String(secondsPerSlot) } };
    if (url.pathname === "/eth/v1/beacon/genesis") return { data: { genesis_time: String(GENESIS) } };
    const [, path, slot = ""] = /^\/eth\/v1\/beacon\/(blobs|blob_sidecars)\/(\d+)$/.exec(url.pathname) ?? [];
    if (path !== (serves === "blobs" ? "blobs" : "blob_sidecars")) return undefined;
    if (mood === "garbage") return { data: [17] };
    const committed = await Promise.all(blobsOf(slot).map(commitBlob));
    if (path === "blob_sidecars")
      return {
        data: committed.map(({ bytes, commitment }, index) => ({
          index: String(index),
          blob: toHex(bytes),
          kzg_commitment: toHex(commitment),
        })),
      };
    const wanted = url.searchParams.get("versioned_hashes")?.split(",");
    // A liar does not look at what it is asked for.
    const given = committed.filter(({ hash }) => mood === "wrong" || wanted === undefined || wanted.includes(hash));
    return { execution_optimistic: false, finalized: true, data: given.map(({ bytes }) => toHex(bytes)) };
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://beacon");
    asked.push(url.pathname);
    if (mood === "failing") return response.writeHead(500).end();
    if (mood === "endless" && url.pathname.includes("/blob"))
      return response.end(`{"data":["0x${"00".repeat(50_000)}"]}`);
    void answer(url).then((body) => {
      if (body === undefined) response.writeHead(404).end();
      else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Paths of all requests. */
    asked,
    set mood(next: BeaconMood) {
      mood = next;
    },
    /** Blobs of an L1 block of that time. */
    put(timestamp: bigint, blobs: readonly Bytes[]) {
      const slot = String((timestamp - GENESIS) / secondsPerSlot);
      slots.set(slot, [...(slots.get(slot) ?? []), ...blobs]);
    },
  };
};
export type Beacon = Awaited<ReturnType<typeof startBeacon>>;
