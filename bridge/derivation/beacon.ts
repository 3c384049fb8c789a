import { z } from "zod";
import { type Bytes, CodedError, fromHex, type Hex } from "../../executor/index.ts";
import type { BlobRequest, BlobSource } from "./l1-blobs.ts";

export type BeaconErrorCode =
  /**
   * The Beacon endpoint answered with a status that says nothing of blobs. The next source is asked; see to the
   * endpoint.
   */
  | "BEACON_STATUS"
  /**
   * The Beacon endpoint's answer is too long, or not what the Beacon API says. The next source is asked; see to the
   * endpoint.
   */
  | "BEACON_ANSWER";

export type BeaconOptions = {
  readonly timeoutMs?: number;
  /** Bytes of an answer that are read. A blob is 262,148 of them: the default is 150 blobs. */
  readonly maxAnswerBytes?: number;
};

const DEFAULTS = { timeoutMs: 30_000, maxAnswerBytes: 40_000_000 };

const decimal = z.string().regex(/^\d{1,18}$/);
const hex = z.string().regex(/^0x([0-9a-fA-F]{2})*$/);
const GENESIS = z.object({ data: z.object({ genesis_time: decimal }) });
const SPEC = z.object({
  data: z.union([z.object({ SECONDS_PER_SLOT: decimal }), z.object({ SLOT_DURATION_MS: decimal })]),
});
const BLOBS = z.object({ data: z.array(hex) });
const SIDECARS = z.object({ data: z.array(z.object({ blob: hex })) });

/** Of what the endpoint does not have, has no more, or does not know. */
const ABSENT = new Set([404, 405, 410, 501]);

/** What one endpoint serves, by the standard Beacon API. */
export const createBeaconSource = (url: string, options: BeaconOptions = {}): BlobSource => {
  const { timeoutMs, maxAnswerBytes } = { ...DEFAULTS, ...options };
  const { host } = new URL(url);

  const fail = (code: BeaconErrorCode, what: string, path: string, cause?: unknown): never => {
    throw new CodedError<BeaconErrorCode>(code, `beacon endpoint ${host}: ${what}`, { host, path }, cause);
  };

  /** Undefined: the endpoint does not have it, or does not know the path. */
  const get = async (path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<unknown> => {
    const target = new URL(url);
    target.pathname = `${target.pathname.replace(/\/+$/, "")}${path}`;
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
    const response = await fetch(target, {
      headers: { accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return ABSENT.has(response.status) ? undefined : fail("BEACON_STATUS", `status ${response.status}`, path);
    }
    const parts: Bytes[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      length += part.length;
      if (length > maxAnswerBytes) fail("BEACON_ANSWER", `more than ${maxAnswerBytes} bytes`, path);
      parts.push(part);
    }
    try {
      return JSON.parse(Buffer.concat(parts, length).toString("utf8"));
    } catch (error) {
      return fail("BEACON_ANSWER", "no JSON", path, error);
    }
  };

  const read = <T>(schema: z.ZodType<T>, answer: unknown, path: string): T => {
    const parsed = schema.safeParse(answer);
    return parsed.success ? parsed.data : fail("BEACON_ANSWER", z.prettifyError(parsed.error).slice(0, 300), path);
  };

  type Clock = { readonly genesis: bigint; readonly slotMs: bigint };
  let clock: Clock | undefined;
  /** Undefined: the endpoint has no slots. */
  const readClock = async (signal: AbortSignal): Promise<Clock | undefined> => {
    const specPath = "/eth/v1/config/spec";
    const spec = await get(specPath, {}, signal);
    if (spec === undefined) return undefined;
    const { data } = read(SPEC, spec, specPath);
    const slotMs = "SLOT_DURATION_MS" in data ? BigInt(data.SLOT_DURATION_MS) : 1000n * BigInt(data.SECONDS_PER_SLOT);
    if (slotMs === 0n) fail("BEACON_ANSWER", "slots of no duration", specPath);
    const path = "/eth/v1/beacon/genesis";
    const { genesis_time } = read(GENESIS, await get(path, {}, signal), path).data;
    return { genesis: BigInt(genesis_time), slotMs };
  };
  const slotOf = async ({ timestamp, l1Block }: BlobRequest, signal: AbortSignal): Promise<bigint> => {
    clock ??= await readClock(signal);
    // Anvil has no slots: it finds blobs by the number of the block.
    return clock === undefined ? l1Block : ((timestamp - clock.genesis) * 1000n) / clock.slotMs;
  };

  /** Those asked for, or all blobs of the slot. */
  const blobsAt = async (slot: bigint, hashes: readonly Hex[], signal: AbortSignal): Promise<readonly string[]> => {
    const path = `/eth/v1/beacon/blobs/${slot}`;
    const found = await get(path, { versioned_hashes: hashes.join(",") }, signal);
    const blobs = found === undefined ? [] : read(BLOBS, found, path).data;
    if (blobs.length > 0) return blobs;
    // The older path: what nodes served until Fulu.
    const older = `/eth/v1/beacon/blob_sidecars/${slot}`;
    const sidecars = await get(older, {}, signal);
    return sidecars === undefined ? [] : read(SIDECARS, sidecars, older).data.map(({ blob }) => blob);
  };

  return {
    name: host,
    fetch: async (request, signal) =>
      (await blobsAt(await slotOf(request, signal), request.hashes, signal)).map(fromHex),
  };
};
