import { isIPv4, isIPv6 } from "node:net";
import { isAddress, parseEther } from "viem";
import { FORKS, type ForkSchedule, messageOf, requireForkOrder } from "../../executor/index.ts";

/** Readings of what a user types. Each throws a RangeError that says what is expected. */

export const text = (value: string): string => {
  if (value === "") throw new RangeError("expected a non-empty text");
  return value;
};

export const integer =
  (lo: number, hi: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < lo || number > hi)
      throw new RangeError(`expected an integer from ${lo} to ${hi}`);
    return number;
  };

export const oneOf =
  <const T extends readonly string[]>(...allowed: T) =>
  (value: string): T[number] => {
    if (!allowed.includes(value)) throw new RangeError(`expected one of ${allowed.join(", ")}`);
    return value as T[number];
  };

export const httpUrl = (value: string): string => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") throw new RangeError("expected an http or https URL");
  return value;
};

const MAX_URLS = 16;

export const httpUrls = (value: string): readonly string[] => {
  const urls = value.split(",").map((url) => httpUrl(url.trim()));
  if (urls.length > MAX_URLS) throw new RangeError(`expected at most ${MAX_URLS} URLs`);
  return urls;
};

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

export const privateKey = (value: string): `0x${string}` => {
  if (!/^0x[0-9a-fA-F]{64}$/.test(value)) throw new RangeError("expected 0x and 64 hex digits");
  if (BigInt(value) === 0n || BigInt(value) >= CURVE_ORDER) throw new RangeError("expected a key of secp256k1");
  return value as `0x${string}`;
};

/** The key in use and, around a rotation, the next or the former one, separated by a comma. */
export const privateKeys = (value: string): readonly `0x${string}`[] => {
  const keys = value.split(",").map((key) => privateKey(key.trim()));
  if (keys.length > 2) throw new RangeError("expected at most two keys");
  return keys;
};

/** Lower case; where cases are mixed they must be right. */
export const address = (value: string): `0x${string}` => {
  if (!isAddress(value))
    throw new RangeError("expected 0x and 40 hex digits, with a right checksum if cases are mixed");
  return value.toLowerCase() as `0x${string}`;
};

const MAX_ACCOUNTS = 64;

/** Of a list, separated by commas. */
export const accounts = (value: string): readonly `0x${string}`[] => {
  const all = value.split(",").map((one) => address(one.trim()));
  if (all.length > MAX_ACCOUNTS) throw new RangeError(`expected at most ${MAX_ACCOUNTS} addresses`);
  return all;
};

/** Wei of an amount in ether. */
export const ether = (value: string): bigint => {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(value)) throw new RangeError("expected an amount of ether, like 0.5");
  return parseEther(value);
};

/** A whole number without a sign, of at most 64 bits. */
export const whole = (value: string): bigint => {
  if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 1n << 64n) throw new RangeError("expected an integer below 2^64");
  return BigInt(value);
};

export const modelName = (value: string): string => {
  if (!/^[a-z0-9._/-]+@\d+\.\d+$/.test(value) || value.length > 64)
    throw new RangeError("expected name@major.minor: a-z, 0-9, '.', '_', '-', '/', at most 64 characters");
  return value;
};

export const flag = (value: string): boolean => {
  if (!["true", "false", "1", "0"].includes(value)) throw new RangeError("expected true or false");
  return value === "true" || value === "1";
};

export const port = integer(0, 65535);

const isName = (host: string): boolean => /^[a-zA-Z0-9.-]{1,253}$/.test(host);
const HOSTS: Readonly<Record<string, (host: string) => boolean>> = {
  ip4: isIPv4,
  ip6: isIPv6,
  dns: isName,
  dns4: isName,
  dns6: isName,
};
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,64}$/;
const MAX_ADDRESSES = 64;

/** The host and the port of `/ip4/…/tcp/…`, with or without `/p2p/<id>` after it. */
const isTcpAddress = (address: string): boolean => {
  const [empty, family = "", host = "", tcp, number = "", ...peer] = address.split("/");
  if (empty !== "" || tcp !== "tcp" || !/^\d{1,5}$/.test(number) || Number(number) > 65535) return false;
  if (peer.length !== 0 && (peer.length !== 2 || peer[0] !== "p2p" || !PEER_ID.test(peer[1] ?? ""))) return false;
  return Object.hasOwn(HOSTS, family) && HOSTS[family]?.(host) === true;
};

const addresses =
  (isOne: (address: string) => boolean, expected: string) =>
  (value: string): readonly string[] => {
    const all = value.split(",").map((address) => address.trim());
    const wrong = all.find((address) => !isOne(address));
    if (wrong !== undefined) throw new RangeError(`expected ${expected}, not ${JSON.stringify(wrong)}`);
    if (all.length > MAX_ADDRESSES) throw new RangeError(`expected at most ${MAX_ADDRESSES} addresses`);
    return all;
  };

export const listenAddresses = addresses(
  (address) => isTcpAddress(address) && /^\/ip[46]\//.test(address) && !address.includes("/p2p/"),
  "an address to listen on, like /ip4/0.0.0.0/tcp/9222",
);

export const dialAddresses = addresses(
  (address) => isTcpAddress(address) && address.includes("/p2p/") && !address.includes("/tcp/0/"),
  "an address with its peer, like /ip4/192.0.2.1/tcp/9222/p2p/<peer id>",
);

const MAX_TIME = 2n ** 64n - 1n;

/** `name=time` of forks that this version has, separated by commas; times in seconds. */
export const forkSchedule = (value: string): ForkSchedule => {
  const schedule: Record<string, bigint> = {};
  for (const entry of value.split(",")) {
    const [, name = "", time = ""] = /^([a-z0-9]+)=(\d{1,20})$/.exec(entry.trim()) ?? [];
    if (!(FORKS as readonly string[]).includes(name) || BigInt(time) > MAX_TIME)
      throw new RangeError(`expected fork=seconds with a fork of ${FORKS.join(", ")}`);
    if (schedule[name] !== undefined) throw new RangeError(`${name} is named twice`);
    schedule[name] = BigInt(time);
  }
  try {
    requireForkOrder(schedule);
  } catch (error) {
    throw new RangeError(messageOf(error));
  }
  return schedule;
};
