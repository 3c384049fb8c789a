import { concat, fromHex, type Hex, toHex, uintBE, utf8, word } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { preinstalls, publications } from "./preinstalls.gen.ts";
import { DOMAINS, type Domain, type Preinstall } from "./publication.ts";

/** An account as its creation left it on one chain. */
export type InstalledAccount = {
  readonly nonce: bigint;
  readonly code: Hex;
  readonly storage: Readonly<Record<Hex, Hex>>;
};

/** The usual address of Multicall3. */
export const MULTICALL3: Hex = "0xca11bde05977b3631167028862be2a173976ca11";

const BYTES = new Map(publications.map(({ name, bytes }) => [name, fromHex(bytes)]));

/** EIP-712's domainSeparator over (name, version if there is one, chainId, verifyingContract). */
export const domainSeparator = ({ name, version }: Domain, chainId: bigint, address: Hex): Hex => {
  const fields = ["string name", ...(version === undefined ? [] : ["string version"])];
  const type = `EIP712Domain(${[...fields, "uint256 chainId", "address verifyingContract"].join(",")})`;
  const texts = [type, name, ...(version === undefined ? [] : [version])].map((text) => keccakOf(utf8(text)));
  return toHex(keccakOf(...texts, uintBE(chainId, 32), word(fromHex(address))));
};

/** Code of a preinstall on one chain: a slice of what was published, with the words that its constructor writes. */
const codeOn = ({ name, address, publication, begin, size, immutables }: Preinstall, chainId: bigint): Hex => {
  const code = concat((BYTES.get(publication) as Uint8Array).subarray(begin, begin + size));
  for (const [at, what] of immutables) {
    const value =
      what === "chainId"
        ? uintBE(chainId, 32)
        : fromHex(what === "domainSeparator" ? domainSeparator(DOMAINS[name] as Domain, chainId, address) : what);
    code.set(value, at);
  }
  return toHex(code);
};

/** What stands at its usual address on a chain from genesis on, by lower-case address. */
export const preinstallsOn = (chainId: bigint): Readonly<Record<Hex, InstalledAccount>> =>
  Object.fromEntries(
    preinstalls.map((one) => [one.address, { nonce: one.nonce, code: codeOn(one, chainId), storage: one.storage }]),
  );
