#!/usr/bin/env node
// Signs every message of typed_data.json with two wallets, viem's and ethers', and fails on any difference from the digest
// and the signature that stand there.
//   node tests/vectors/wallets.mjs           check
//   node tests/vectors/wallets.mjs --write   write the file from messages.mjs
import { readFileSync, writeFileSync } from "node:fs";

import { TypedDataEncoder, Wallet, verifyTypedData } from "ethers";
import { hashTypedData, recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { messages } from "./messages.mjs";

const FILE = new URL("typed_data.json", import.meta.url);

/** The value with its integers as viem takes them. */
function exact(types, type, value) {
  if (type.endsWith("[]")) return value.map((member) => exact(types, type.slice(0, -2), member));
  if (type in types) return Object.fromEntries(types[type].map((field) => [field.name, exact(types, field.type, value[field.name])]));
  return type.startsWith("uint") ? BigInt(value) : value;
}

async function byViem({ typedData, privateKey }) {
  const { types, primaryType } = typedData;
  const data = {
    types,
    primaryType,
    domain: exact(types, "EIP712Domain", typedData.domain),
    message: exact(types, primaryType, typedData.message),
  };
  const account = privateKeyToAccount(privateKey);
  const signature = await account.signTypedData(data);
  return {
    signer: account.address,
    digest: hashTypedData(data),
    signature,
    recovered: await recoverTypedDataAddress({ ...data, signature }),
  };
}

async function byEthers({ typedData, privateKey }) {
  const { domain, message } = typedData;
  const { EIP712Domain: _, ...types } = typedData.types;
  const wallet = new Wallet(privateKey);
  const signature = await wallet.signTypedData(domain, types, message);
  return {
    signer: wallet.address,
    digest: TypedDataEncoder.hash(domain, types, message),
    signature,
    recovered: verifyTypedData(domain, types, message, signature),
  };
}

/** What both wallets answer; throws where they differ. */
async function sign(vector) {
  const viem = await byViem(vector);
  const ethers = await byEthers(vector);
  for (const field of ["signer", "digest", "signature", "recovered"]) {
    if (viem[field] !== ethers[field]) throw new Error(`${vector.name}: ${field} is ${viem[field]} by viem, ${ethers[field]} by ethers`);
  }
  if (viem.recovered !== viem.signer) throw new Error(`${vector.name}: the signature is not the signer's`);
  return { signer: viem.signer, digest: viem.digest, signature: viem.signature };
}

async function write() {
  const vectors = [];
  for (const { name, privateKey, typedData } of messages) {
    vectors.push({ name, privateKey, ...(await sign({ name, privateKey, typedData })), typedData });
  }
  writeFileSync(FILE, JSON.stringify({ count: vectors.length, vectors }, null, 2) + "\n");
  return vectors.length;
}

async function check() {
  const { count, vectors } = JSON.parse(readFileSync(FILE, "utf8"));
  if (count !== vectors.length) throw new Error(`count is ${count}, there are ${vectors.length} vectors`);
  for (const vector of vectors) {
    for (const [field, value] of Object.entries(await sign(vector))) {
      if (vector[field] !== value) throw new Error(`${vector.name}: ${field} is ${value}, the file has ${vector[field]}`);
    }
  }
  // Else a message that was added or taken out would go unnoticed.
  const expected = messages.map(({ name, privateKey, typedData }) => JSON.stringify({ name, privateKey, typedData }));
  const actual = vectors.map(({ name, privateKey, typedData }) => JSON.stringify({ name, privateKey, typedData }));
  if (expected.join() !== actual.join()) throw new Error("typed_data.json is not of messages.mjs: run this with --write");
  return count;
}

const writing = process.argv.includes("--write");
const count = await (writing ? write() : check());
console.log(`${count} messages: viem and ethers ${writing ? "agree, written" : "sign what the file says"}`);
