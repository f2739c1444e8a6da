// The gas figures as a table for people, one line of JSON for programs, and a part of docs/contracts.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, TRANSACTION_GAS } from "./chain.mjs";

const DOCUMENT = join(ROOT, "docs/contracts.md");
const BEGIN = "<!-- bench:gas -->";
const END = "<!-- /bench:gas -->";

/// `bar` is for one charge where there are many, `least` for their number; `limit` names the bare transfers that it contains. `peer` (best of those
/// measured) and `incumbent` (evmfactory bc8da09) are figures of one measurement of ours, in the same state.
const ROWS = {
  transfer_from: { title: "`transferFrom`, nothing else" },
  loop_100: { title: "100 × `transferFrom` in a loop" },
  permit2_transfer_from: { title: "Permit2 `transferFrom`, nothing else" },
  permit2_batch_100: { title: "Permit2 `transferFrom` of 100 payers" },
  charge: { title: "one charge", bar: 75_000, limit: "transfer_from", peer: [108_156, "¹"], incumbent: 198_876 },
  charge_batch_100: { title: "100 charges in a batch", bar: 21_000, limit: "loop_100", peer: [59_094, "²"], incumbent: 115_900 },
  charge_batch_700: { title: "700 charges in a batch", limit: "loop_100" },
  charge_batch_most: { title: "the most charges that fit one transaction", least: 700, limit: "loop_100" },
  charge_permit2: { title: "one charge through Permit2", limit: "permit2_transfer_from" },
  charge_batch_100_permit2: { title: "100 charges through Permit2", limit: "permit2_batch_100" },
  subscribe: { title: "subscribe, with the first charge", bar: 95_000, limit: "transfer_from", incumbent: 339_264 },
  subscribe_with_permit: { title: "subscribe with a token's permit, the wallet's first", limit: "transfer_from" },
  subscribe_by_mandate: { title: "subscribe by a mandate, relayed, the wallet's first", limit: "transfer_from" },
  cancel: { title: "cancel" },
  cancel_by_signature: { title: "cancel by signature, relayed" },
  create_plan: { title: "create a plan, not the merchant's first", bar: 85_000, incumbent: 286_457 },
  create_plan_by_signature: { title: "create a plan by signature, relayed" },
  buy: { title: "buy, not the listing's first", bar: 75_000, limit: "transfer_from", peer: [113_293, "³"], incumbent: 235_848 },
};

const NOTES = `Whole transactions by their receipts: OpenZeppelin ERC-20, 2.5 % fee, unlimited approvals, second or later period. The gas limit is what
a transaction must be sent with: a batch keeps some in hand, so that no payer looks unable to pay for want of gas. The
chain enforces ${grouped(Number(TRANSACTION_GAS))} gas a transaction (EIP-7825). "Bare" is the transfers of a row without anything around them.

Others are measured once, by us, in the same way and state: incumbent evmfactory bc8da09; ¹ Coinbase SpendRouter (spend-permissions
e0004e6); ² Unlock PublicLock v15, where the money stays in the lock, by its multicall; ³ commerce-payments 3f77761, after an
approval of the payment by the payer in a transaction of its own.`;

/// Prints all; tells whether every bar was met.
export function print(measured) {
  const missed = Object.keys(measured).filter((name) => misses(name, measured[name]));
  const figures = Object.fromEntries(Object.entries(measured).map(([name, each]) => [name, figure(name, each, measured)]));
  console.log(aligned(table(measured)));
  console.log();
  for (const name of missed) console.log(`missed: ${name} has a bar of ${grouped(ROWS[name].bar ?? ROWS[name].least)}`);
  const bare = Object.fromEntries(Object.entries(figures).filter(([name]) => isBare(name)));
  console.log(
    JSON.stringify({
      bench: "gas",
      figures: Object.fromEntries(Object.entries(figures).filter(([name]) => !isBare(name))),
      limits: { ...bare, transaction_gas: Number(TRANSACTION_GAS) },
      charges_per_transaction: measured.charge_batch_most?.count,
      missed,
    }),
  );
  return missed.length === 0;
}

/// Puts the table between its markers.
export function write(measured) {
  if (!existsSync(DOCUMENT)) writeFileSync(DOCUMENT, `# The contracts\n\n${BEGIN}\n${END}\n`);
  const text = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/contracts.md lacks ${BEGIN} and ${END}`);
  const lines = table(measured).map((cells) => `| ${cells.join(" | ")} |`);
  lines.splice(1, 0, "|---|---:|---:|---:|---:|---:|---:|");
  writeFileSync(DOCUMENT, `${text.slice(0, begin)}${BEGIN}\n${lines.join("\n")}\n\n${NOTES}\n${text.slice(end)}`);
}

function isBare(name) {
  return Object.values(ROWS).some(({ limit }) => limit === name);
}

function misses(name, { gas, per, count }) {
  const { bar = Infinity, least = 0 } = ROWS[name];
  return (per ?? gas) > bar || (count ?? Infinity) < least;
}

function figure(name, each, measured) {
  const { bar, least, limit } = ROWS[name];
  const bare = measured[limit];
  const ratio = bare && Math.round((100 * one(each)) / one(bare)) / 100;
  return { ...each, ...(bar && { bar }), ...(least && { least }), ...(ratio && { ratio_to_limit: ratio }) };
}

function one({ gas, per }) {
  return per ?? gas;
}

function grouped(number) {
  return number.toLocaleString("en-US");
}

function table(measured) {
  const head = ["transaction", "gas", "gas limit", "bar", "bare", "best peer", "incumbent"];
  const rows = Object.entries(measured).map(([name, each]) => {
    const { title, bar, least, limit, peer, incumbent } = ROWS[name];
    const cell = (value) => (value === undefined ? "" : grouped(value) + (each.count ? " each" : ""));
    return [
      least ? `${title}: ${each.count}` : title,
      grouped(each.gas) + (each.per ? ` (${grouped(each.per)} each)` : ""),
      grouped(each.gas_limit),
      least ? `≥ ${least} charges` : cell(bar),
      measured[limit] ? cell(one(measured[limit])) : "",
      peer ? `${cell(peer[0])} ${peer[1]}` : "",
      least ? "113 charges" : cell(incumbent),
    ];
  });
  return [head, ...rows];
}

function aligned(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[0]))).join("  ");
  return cells.map(line).join("\n");
}
