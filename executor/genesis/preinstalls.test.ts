import assert from "node:assert/strict";
import { test } from "node:test";
import { domainSeparator as expectedSeparator, keccak256 } from "viem";
import { plain, readMarkdown } from "../foundation/markdown.fixture.ts";
import { preinstalls, publications } from "./preinstalls.gen.ts";
import { domainSeparator, type InstalledAccount, preinstallsOn } from "./preinstalls.ts";
import { DOMAINS } from "./publication.ts";
import { addressOf, creationOf, replay } from "./replay.fixture.ts";

const hashesOn = (chainId: bigint): Readonly<Record<string, string>> => {
  const accounts = preinstallsOn(chainId);
  return Object.fromEntries(
    preinstalls.map(({ name, address }) => [name, keccak256((accounts[address] as InstalledAccount).code)]),
  );
};

test("what was published leads to its usual address, and to no other", async () => {
  const makers = new Map(preinstalls.map(({ name, address }) => [address, name]));
  for (const one of publications) {
    const made = await addressOf(one);
    if (made === undefined) assert.equal(one.name, "WETH");
    else assert.equal(makers.get(made), one.name);
    if (one.maker.kind === "factory") assert.ok(makers.has(one.maker.factory));
  }
});

// 2^53 - 1 is the greatest id that a chain may have.
for (const chainId of [1n, 918_273n, 2n ** 53n - 1n])
  test(`on chain ${chainId} the accounts are what the published creation code leaves`, async () => {
    const left: Record<string, InstalledAccount> = {};
    for (const one of publications) {
      const { address } = preinstalls.find(({ name }) => name === one.name) as { address: `0x${string}` };
      Object.assign(left, await replay(creationOf(one), address, chainId));
    }
    assert.deepEqual(preinstallsOn(chainId), left);
  });

test("the codes have the hashes that they have on Ethereum", () => {
  const ethereum = hashesOn(1n);
  const known = {
    "CREATE2 factory": "0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989",
    Multicall3: "0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891",
    Permit2: "0xc67d1657868aa5146eaf24fb879fb1fdec3d2d493b3683a61c9c2f4fb2851131",
    "EntryPoint 0.7": "0x8db5ff695839d655407cc8490bb7a5d82337a86a6b39c3f0258aa6c3b582fc58",
    // From here on as @safe-global/safe-deployments@1.37.63 has them.
    "Safe 1.3.0 GnosisSafe": "0xbba688fbdb21ad2bb58bc320638b43d94e7d100f6f3ebaab0a4e4de6304b1c2e",
    "Safe 1.3.0 GnosisSafeL2": "0x21842597390c4c6e3c1239e434a682b054bd9548eee5e9b1d6a4482731023c0f",
    "Safe 1.3.0 GnosisSafeProxyFactory": "0x337d7f54be11b6ed55fef7b667ea5488db53db8320a05d1146aa4bd169a39a9b",
    "Safe 1.3.0 CompatibilityFallbackHandler": "0x03e69f7ce809e81687c69b19a7d7cca45b6d551ffdec73d9bb87178476de1abf",
    "Safe 1.3.0 MultiSend": "0x81db0e4afdf5178583537b58c5ad403bd47a4ac7f9bde2442ef3e341d433126a",
    "Safe 1.3.0 MultiSendCallOnly": "0xa9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad",
    "Safe 1.3.0 CreateCall": "0x8155d988823a4f6f1bcbc76a64af8e510c4ce68819290d43cf24956bd24dee82",
    "Safe 1.3.0 SimulateTxAccessor": "0x66712e1d9161706f826d8d74a3cc03db0289b2530a1202f24d52986952b69a02",
    "Safe 1.4.1 Safe": "0x1fe2df852ba3299d6534ef416eefa406e56ced995bca886ab7a553e6d0c5e1c4",
    "Safe 1.4.1 SafeL2": "0xb1f926978a0f44a2c0ec8fe822418ae969bd8c3f18d61e5103100339894f81ff",
    "Safe 1.4.1 SafeProxyFactory": "0x50c3cdc4074750a7a974204a716c999edd37482f907608d960b2b025ee0b3317",
    "Safe 1.4.1 CompatibilityFallbackHandler": "0x7c6007a5d711cea8dfd5d91f5940ec29c7f200fe511eb1fc1397b367af3c42f9",
    "Safe 1.4.1 MultiSend": "0x0e4f7fc66550a322d1e7688e181b75e217e662a4f3f4d6a29b22bc61217c4b77",
    "Safe 1.4.1 MultiSendCallOnly": "0xecd5bd14a08c5d2122379900b2f272bdf107a7e92423c10dd5fe3254386c9939",
    "Safe 1.4.1 CreateCall": "0x2b3060c55fcb8275653e99ad511a71f67ba76934ed66a7d74d6e68b52afff889",
    "Safe 1.4.1 SignMessageLib": "0x525c754a46b79e05543a59bb61e8de3c9eee0d955a59352409cbe67ea1077528",
    "Safe 1.4.1 SimulateTxAccessor": "0x91f82615581fc73b190b83d72e883608b25e392f72322035df1b13d51766cf8d",
  };
  for (const [name, hash] of Object.entries(known)) assert.equal(ethereum[name], hash, name);
  // Its code depends on the chain; of this one its hash is known.
  assert.equal(
    hashesOn(421_614n)["EntryPoint 0.8"],
    "0xe3f30f78ae55058acdefea00952c8e44f2263215cf720fe1b27b6f148add0278",
  );
});

test("domain separators are EIP-712's", () => {
  for (const [name, domain] of Object.entries(DOMAINS)) {
    const { address } = preinstalls.find((one) => one.name === name) as { address: `0x${string}` };
    const whole = { ...domain, chainId: 918_273, verifyingContract: address };
    assert.equal(domainSeparator(domain, 918_273n, address), expectedSeparator({ domain: whole }));
  }
});

test("the specification's table of preinstalls is the code's", () => {
  const written = readMarkdown(new URL("../protocol/SPEC.md", import.meta.url))
    .table("Preinstalls")
    .map(([address = "", name, from, licence]) => [plain(address), name, from, licence]);
  const published = new Map(publications.map((one) => [one.name, one]));
  const wanted = preinstalls.map(({ name, address, publication }) => {
    const { source, licence } = published.get(publication) as (typeof publications)[number];
    return [address, name, source.slice(0, source.indexOf(" ")), licence];
  });
  assert.deepEqual(written, wanted);
});
