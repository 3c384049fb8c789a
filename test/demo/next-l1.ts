import { runVmL1 } from "../support/vm-l1/start.ts";

/** An L1 of the next fork's gas table, for `npm start -- --l1-rpc URL` and `npm run demo:dispute -- --l1-rpc URL`. */

const { url, stop } = await runVmL1("amsterdam");
process.stdout.write(`${url}\n`);
process.once("SIGINT", () => void stop());
