import { readFileSync } from "node:fs";
import type { Hex } from "../../executor/index.ts";

const file = (name: string): URL => new URL(`../sample/${name}`, import.meta.url);

/** A scan of handwriting: eight rows of eight pixels, 0 to 16 each, and the digit that was meant. */
export type Scan = { readonly label: number; readonly pixels: Hex };

/** Name under which the devnet publishes its model. */
export const SAMPLE_NAME = "digits@1.0";

export const sampleModelFile = (): URL => file("digits.onnx");

export const sampleScans = (): readonly Scan[] =>
  (JSON.parse(readFileSync(file("scans.json"), "utf8")) as { label: number; pixels: string[] }[]).map(
    ({ label, pixels }) => ({ label, pixels: `0x${pixels.join("")}` }),
  );

const SHADES = " .:-=+*#%@";

/** The scan as eight lines of text, two characters a pixel. */
export const drawScan = ({ pixels }: Scan): string[] => {
  const bytes = Buffer.from(pixels.slice(2), "hex");
  return Array.from({ length: 8 }, (_, row) =>
    [...bytes.subarray(8 * row, 8 * row + 8)]
      .map((pixel) => (SHADES[Math.floor((pixel * (SHADES.length - 1)) / 16)] as string).repeat(2))
      .join(""),
  );
};
