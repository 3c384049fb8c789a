import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FILES = {
  "src/Counter.sol": `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

contract Counter {
    uint256 public number;

    constructor(uint256 first) {
        number = first;
    }

    function set(uint256 next) external {
        number = next;
    }
}
`,
  // Without forge-std: this much of it is all that a script needs.
  "script/Deploy.s.sol": `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Counter} from "../src/Counter.sol";

interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

contract Deploy {
    bool public constant IS_SCRIPT = true;
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external {
        VM.startBroadcast();
        Counter counter = new Counter{salt: bytes32(uint256(42))}(7);
        counter.set(9);
        VM.stopBroadcast();
    }
}
`,
};

/** A Foundry project with a script that creates by salt. It compiles with the compiler of this repository. */
export const writeForgeProject = (directory: string): void => {
  const compiler = join(directory, "solc");
  const cli = fileURLToPath(new URL("solc-cli.ts", import.meta.url));
  const config = [
    "[profile.default]",
    'out = "out"',
    'evm_version = "osaka"',
    `solc = "${compiler}"`,
    "offline = true",
  ];
  const files = { ...FILES, solc: `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n` };
  for (const [path, text] of Object.entries({ ...files, "foundry.toml": `${config.join("\n")}\n` })) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  chmodSync(compiler, 0o755);
};
