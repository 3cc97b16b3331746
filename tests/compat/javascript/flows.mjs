// What a program does with the official client of JavaScript, told as lines of JSON: `node flows.mjs PORT [TOKEN]`.
// It runs against any server of Chroma's wire, so that what two of them say can be compared.

import { AdminClient, ChromaClient } from "chromadb";

const port = Number(process.argv[2]);
const headers = process.argv[3] === undefined ? undefined : { "x-chroma-token": process.argv[3] };
const place = { host: "localhost", port, ssl: false, headers };
const client = new ChromaClient(place);
const admin = new AdminClient(place);

// An id is another one on each server, and a float is as good as float32.
function told(value) {
  if (typeof value === "number" && !Number.isInteger(value)) return Number(value.toPrecision(5));
  if (typeof value === "string") return value.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, "UUID");
  if (Array.isArray(value)) return value.map(told);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, told(value[key])]));
}

async function say(name, ask) {
  let answer;
  try {
    answer = { answer: told(await ask()) ?? null };
  } catch (error) {
    answer = { error: error.name };
  }
  console.log(JSON.stringify({ name, ...answer }));
}

function shown(collection) {
  const { name, metadata, configuration, tenant, database } = collection;
  return { name, metadata, configuration, tenant, database, id: collection.id };
}

await say("heartbeat", async () => (await client.heartbeat()) > 1e18);
await say("reset", () => client.reset());
await say("getMaxBatchSize", () => client.getMaxBatchSize());
await say("supportsBase64Encoding", () => client.supportsBase64Encoding());
await say("getUserIdentity", () => client.getUserIdentity());

const options = { name: "flows", embeddingFunction: null, metadata: { i: 1, f: 1.5, b: true, s: "x" } };
let flows;
await say("createCollection", async () => shown((flows = await client.createCollection(options))));
await say("createCollection again", () => client.createCollection(options));
await say("getOrCreateCollection", async () => shown(await client.getOrCreateCollection(options)));
await say("createCollection badly named", () => client.createCollection({ name: "a", embeddingFunction: null }));
await say("getCollection of none", () => client.getCollection({ name: "nowhere", embeddingFunction: null }));
await say("createCollection configured", async () => {
  const configuration = { hnsw: { space: "cosine", ef_search: 50 } };
  return shown(await client.createCollection({ name: "configured", embeddingFunction: null, configuration }));
});

const records = {
  ids: ["a", "b", "c"],
  embeddings: [[0.1, 0.2], [0.3, 0.4], [1, 0]],
  documents: ["the quick fox", "lazy", "dog"],
  metadatas: [{ k: 1, tags: ["x", "y"] }, { k: 2.5 }, { k: "3" }],
  uris: ["u:a", "u:b", "u:c"],
};
const everything = ["embeddings", "documents", "metadatas", "uris"];
await say("add", () => flows.add(records));
await say("count", () => flows.count());
await say("get", () => flows.get());
await say("get everything", () => flows.get({ include: everything }));
await say("get some", () => flows.get({ ids: ["c", "a", "nobody"], limit: 5 }));
await say("get where", () => flows.get({ where: { $and: [{ k: { $gte: 1 } }, { k: { $ne: 2.5 } }] } }));
await say("get where tags", () => flows.get({ where: { tags: { $contains: "x" } } }));
await say("get whereDocument", () => flows.get({ whereDocument: { $regex: "^the .*x$" } }));
await say("get badly", () => flows.get({ where: { k: { $gr: 1 } } }));
await say("peek", () => flows.peek({ limit: 2 }));
await say("query", () => flows.query({ queryEmbeddings: [[0.1, 0.2], [1, 1]], nResults: 2 }));
await say("query where", () => flows.query({ queryEmbeddings: [[1, 0]], where: { k: { $in: [1, 2.5] } } }));
await say("query everything", () => flows.query({ queryEmbeddings: [[1, 0]], include: ["distances", ...everything] }));
await say("query of a wrong dimension", () => flows.query({ queryEmbeddings: [[1, 0, 0]] }));
await say("upsert", () => flows.upsert({ ids: ["a", "d"], embeddings: [[5, 5], [6, 6]], documents: ["new", "d"] }));
await say("update", () => flows.update({ ids: ["b"], metadatas: [{ more: true }] }));
await say("add of a wrong dimension", () => flows.add({ ids: ["x"], embeddings: [[1, 2, 3]] }));
await say("get everything again", () => flows.get({ include: everything }));
await say("delete", () => flows.delete({ ids: ["a"] }));
await say("delete where", () => flows.delete({ where: { k: 2.5 } }));
await say("count again", () => flows.count());
await say("modify", () => flows.modify({ name: "renamed", metadata: { z: 1 } }));
await say("getCollection", async () => shown(await client.getCollection({ name: "renamed", embeddingFunction: null })));
await say("listCollections", async () => (await client.listCollections()).map((one) => one.name).sort());
await say("countCollections", () => client.countCollections());
await say("fork", () => flows.fork({ name: "forked" }));
await say("search", () => flows.search([]));
await say("deleteCollection", () => client.deleteCollection({ name: "renamed" }));
await say("deleteCollection again", () => client.deleteCollection({ name: "renamed" }));
await say("count of none", () => flows.count());

await say("createTenant", () => admin.createTenant({ name: "acme" }));
await say("createTenant again", () => admin.createTenant({ name: "acme" }));
await say("getTenant", () => admin.getTenant({ name: "acme" }));
await say("getTenant of none", () => admin.getTenant({ name: "nobody" }));
await say("createDatabase", () => admin.createDatabase({ name: "logs", tenant: "acme" }));
await say("getDatabase", () => admin.getDatabase({ name: "logs", tenant: "acme" }));
await say("listDatabases", () => admin.listDatabases({ tenant: "acme" }));
await say("deleteDatabase", () => admin.deleteDatabase({ name: "logs", tenant: "acme" }));
await say("getDatabase of none", () => admin.getDatabase({ name: "logs", tenant: "acme" }));
