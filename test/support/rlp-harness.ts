import { type Bytes, decodeRlp, encodeRlp, type Hex, toHex } from "../../executor/index.ts";
import { startHarness } from "./solidity.ts";

/** Reads an item with RLPReader, writes it again with RLPWriter. */
const harness = startHarness(
  "Harness",
  `
import {RLPItem, RLPReader} from "bridge/contracts/libraries/RLPReader.sol";
import {RLPWriter} from "bridge/contracts/libraries/RLPWriter.sol";
contract Harness {
    error RLPEndsEarly();
    error RLPNotCanonical();
    error RLPUnexpectedKind();
    error RLPBytesLeftOver();
    function rewrite(bytes memory data) external pure returns (bytes memory out) {
        uint256 next;
        (out, next) = _rewrite(data, 0, data.length);
        if (next != data.length) revert RLPBytesLeftOver();
    }
    function _rewrite(bytes memory data, uint256 at, uint256 end) private pure returns (bytes memory, uint256) {
        (RLPItem memory item, uint256 next) = RLPReader.read(data, at, end);
        if (!item.isList) {
            bytes memory text = new bytes(item.end - item.start);
            for (uint256 i; i < text.length; ++i) text[i] = data[item.start + i];
            return (RLPWriter.writeBytes(text), next);
        }
        bytes memory items;
        bytes memory part;
        for (at = item.start; at < item.end;) {
            (part, at) = _rewrite(data, at, item.end);
            items = bytes.concat(items, part);
        }
        return (RLPWriter.writeList(items), next);
    }
}`,
);

/** What each language reads in `bytes`, written again; undefined where it refuses them. */
export const rewriteRlp = async (bytes: Bytes): Promise<{ readonly typescript?: Hex; readonly solidity?: Hex }> => {
  const answer = await (await harness).call<Hex>("rewrite", [toHex(bytes)]);
  if ("error" in answer && !answer.error.startsWith("RLP")) throw new Error(answer.error);
  let typescript: Hex | undefined;
  try {
    typescript = toHex(encodeRlp(decodeRlp(bytes)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return {
    ...(typescript === undefined ? {} : { typescript }),
    ...("error" in answer ? {} : { solidity: answer.result }),
  };
};
