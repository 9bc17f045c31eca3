import { OPERATIONS } from "../../src/engine/op_table.ts";
import type { OperationRow } from "../../src/engine/operation.ts";
import type { MinorVersion } from "../../src/nfs4/constants.ts";

const VERSIONS: readonly MinorVersion[] = [0, 1, 2];

/** The table "operation × minor version" of `src/engine/README.md`, as the server's own table has it. */
export function operationTable(): string {
  const rows = OPERATIONS.filter((row) => row !== undefined).map((row) =>
    `| ${row.number} | ${row.name} | ${
      VERSIONS.map((version) => cell(row, version)).join(" | ")
    } | ${changes(row)} | ${rules(row)} |`
  );
  return [
    "| no. | operation | 4.0 | 4.1 | 4.2 | changes | rules |",
    "| --: | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function cell(row: OperationRow, version: MinorVersion): string {
  if (row.since > version) return "OP_ILLEGAL";
  return row.versions.includes(version) ? "yes" : "NOTSUPP";
}

function changes({ changes }: OperationRow): string {
  switch (changes) {
    case "nothing":
      return "";
    case "state":
      return "state";
    case "sometimes":
      return "files, sometimes";
    default:
      return `files, by ${changes}`;
  }
}

function rules(row: OperationRow): string {
  return [
    ...(row.name === "SEQUENCE" ? ["first"] : []),
    ...(row.sessionless ? ["without SEQUENCE, then alone"] : []),
    ...(row.needsFilehandle ? ["current filehandle"] : []),
    ...(row.maxReply !== undefined ? [`reply ≤ ${row.maxReply} bytes`] : []),
  ].join("; ");
}
