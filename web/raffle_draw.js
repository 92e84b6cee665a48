// The check of a raffle's draw in the browser (or node 20): everything that tools/verify_draw.py checks but the BLS
// signature of drand, for which the web platform has nothing. No dependencies; it needs Web Crypto, hence https.

const ALGORITHM = "livhana-raffle-1";
const PICKS = 11;
const WORDS = 2n ** 64n;
const MOST_TICKETS = 10_000_000;
// 9999-12-31T23:59:59Z: later ones have no form on the wire.
const END_OF_TIME = 253402300799000;
// Hashes that are under way at a time: a promise for each of 100,000 tickets would be too many.
const BATCH = 2000;
// drand's chain "quicknet". These are the values to trust: never those of the document.
const QUICKNET = {
  chainHash: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
  publicKey:
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451" +
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  genesisTime: 1692803367,
  period: 3,
  scheme: "bls-unchained-g1-rfc9380",
};

const ID = [/^[A-Za-z0-9._:@-]{1,128}$/, "an id of letters, digits and . _ : @ -"];
const WORD = [/^[a-z0-9_-]{1,64}$/, "a word in small letters"];
const TIME = [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "a time like 2026-07-01T17:00:00.000Z"];
const HASH = [/^[0-9a-f]{64}$/, "64 hexadecimal digits in small letters"];
const KEY = [/^[0-9a-f]{192}$/, "192 hexadecimal digits in small letters"];
const SIGNATURE = [/^[0-9a-f]{96}$/, "96 hexadecimal digits in small letters"];
const EMPTY = [/^$/, "empty: a draw without drand has none"];

/** The document cannot be checked. The message names the field. */
class Unusable extends Error {}

/**
 * Check a draw. `audit`: the answer of GET /api/raffles/{id}/audit?ledger=true, parsed. `chainKey`: the public key of
 * another drand chain than quicknet.
 *
 * @returns {Promise<{ok: boolean, checks: {name: string, ok: boolean, detail: string}[],
 *   picks: {rank: number, ticketNumber: number, purchaseId: string}[], notChecked: string[]}>}
 *   `picks`: those that follow from the document, whatever it says; empty where none do. A document that is not drawn
 *   yet, lacks a field or has a wrong one fails the check `document`, whose detail names the field. It never throws.
 */
export async function verifyDraw(audit, { chainKey = null } = {}) {
  const checks = [];
  try {
    refuseInsecure();
    if (isObject(audit) && has(audit, "receipt")) {
      checks.push(await receiptCheck(audit, readReceipt(audit.receipt)));
    }
    const draw = readDraw(audit);
    checks.push(...(await checksOf(draw, chainKey)));
    const sound = checks.every(({ name, ok }) => ok || (name !== "ledger order" && name !== "tickets"));
    const picks = sound ? await picksOf(draw) : [];
    checks.push(picksCheck(draw, picks));
    return { ok: checks.every(({ ok }) => ok), checks, picks, notChecked: notCheckedOf(draw) };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return { ok: false, checks: [...checks, check("document", false, error.message)], picks: [], notChecked: [] };
  }
}

/**
 * Check that a ticket is in the ledger whose root the audit document names; the draw need not have been made.
 * `receipt`: the object, or an answer that holds it as `receipt`.
 *
 * @returns {Promise<{ok: boolean, checks: {name: string, ok: boolean, detail: string}[]}>}
 */
export async function verifyReceipt(receipt, audit) {
  let checks;
  try {
    refuseInsecure();
    const inner = isObject(receipt) && has(receipt, "receipt") ? receipt.receipt : receipt;
    checks = [await receiptCheck(audit, readReceipt(inner))];
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    checks = [check("document", false, error.message)];
  }
  return { ok: checks.every(({ ok }) => ok), checks };
}

/** Positions of the winner and the runner-ups. Words from `fair` on are passed over: they would favour the first. */
export async function sampled(words, tickets) {
  const fair = WORDS - (WORDS % BigInt(tickets));
  const found = new Set();
  const wanted = Math.min(PICKS, tickets);
  for await (const word of words) {
    if (word < fair) found.add(Number(word % BigInt(tickets)));
    if (found.size === wanted) break;
  }
  return [...found];
}

function refuseInsecure() {
  if (!globalThis.crypto?.subtle) throw new Unusable("This page has no Web Crypto: open it over https.");
}

// --- reading the document

function readDraw(audit) {
  refuseUndrawn(audit);
  if (!has(audit, "ledger")) {
    throw new Unusable("Field ledger is missing: get the document with ?ledger=true at the end of its address.");
  }
  return {
    raffleId: text(audit, "raffleId", ID),
    algorithm: text(audit, "algorithm", WORD),
    seedCommitment: text(audit, "seedCommitment", HASH),
    seed: text(audit, "seed", HASH),
    salesClosedAt: text(audit, "salesClosedAt", TIME),
    closedAt: time(audit, "salesClosedAt"),
    drawnAt: time(audit, "drawnAt"),
    tickets: whole(audit, "tickets", 1, MOST_TICKETS),
    ledgerRoot: text(audit, "ledgerRoot", HASH),
    entropy: readEntropy(field(audit, "entropy")),
    picks: list(audit, "picks").map((one, place) => ({
      rank: whole(one, "rank", 0, undefined, `picks[${place}]`),
      ticketNumber: whole(one, "ticketNumber", 1, undefined, `picks[${place}]`),
    })),
    ledger: list(audit, "ledger").map((one, place) => ({
      first: whole(one, "first", 1, undefined, `ledger[${place}]`),
      last: whole(one, "last", 1, undefined, `ledger[${place}]`),
      purchaseId: text(one, "purchaseId", ID, `ledger[${place}]`),
    })),
  };
}

function refuseUndrawn(audit) {
  const status = text(audit, "status", WORD);
  if (status === "cancelled") {
    throw new Unusable("Field status is 'cancelled': this raffle was called off, so there is no draw to check.");
  }
  if (status !== "drawn" && status !== "completed") {
    const missing = ["salesClosedAt", "seed", "drawnAt"].filter((name) => !has(audit, name));
    const which = missing.length ? ` (not there yet: ${missing.join(", ")})` : "";
    throw new Unusable(
      `Field status is '${status}': this raffle has not been drawn yet${which}. Come back after the draw.`,
    );
  }
}

function readEntropy(entropy) {
  const source = text(entropy, "source", WORD, "entropy");
  if (source !== "drand" && source !== "local") {
    throw new Unusable(`Field entropy.source is '${source}', neither 'drand' nor 'local'.`);
  }
  const randomness = text(entropy, "randomness", HASH, "entropy");
  if (source === "local") {
    for (const name of ["chainHash", "publicKey", "scheme", "roundTime", "signature"]) {
      if (has(entropy, name)) text(entropy, name, EMPTY, "entropy");
    }
    for (const name of ["genesisTime", "period", "round"]) whole(entropy, name, 0, 0, "entropy");
    const nothing = { chainHash: "", publicKey: "", genesisTime: 0, period: 0, round: 0, signature: "" };
    return { source, randomness, ...nothing };
  }
  time(entropy, "roundTime", "entropy");
  return {
    source,
    randomness,
    chainHash: text(entropy, "chainHash", HASH, "entropy"),
    publicKey: text(entropy, "publicKey", KEY, "entropy"),
    scheme: text(entropy, "scheme", WORD, "entropy"),
    genesisTime: whole(entropy, "genesisTime", 1, undefined, "entropy"),
    period: whole(entropy, "period", 1, undefined, "entropy"),
    round: whole(entropy, "round", 1, undefined, "entropy"),
    roundTime: text(entropy, "roundTime", TIME, "entropy"),
    signature: text(entropy, "signature", SIGNATURE, "entropy"),
  };
}

function readReceipt(receipt) {
  return {
    ticketNumber: whole(receipt, "ticketNumber", 1, undefined, "receipt"),
    purchaseId: text(receipt, "purchaseId", ID, "receipt"),
    position: whole(receipt, "position", 0, MOST_TICKETS, "receipt"),
    tickets: whole(receipt, "tickets", 1, MOST_TICKETS, "receipt"),
    leaf: text(receipt, "leaf", HASH, "receipt"),
    path: list(receipt, "path", "receipt").map((step) => text({ path: step }, "path", HASH, "receipt")),
    root: text(receipt, "root", HASH, "receipt"),
  };
}

function field(object, name, place = "") {
  if (!isObject(object)) {
    throw new Unusable(`${place ? `Field ${place}` : "The document"} is ${shown(object)}, not an object.`);
  }
  if (!Object.hasOwn(object, name)) throw new Unusable(`Field ${place ? `${place}.${name}` : name} is missing.`);
  return object[name];
}

function text(object, name, [pattern, form], place = "") {
  const value = field(object, name, place);
  if (typeof value !== "string" || !pattern.test(value)) throw wrong(place, name, value, form);
  return value;
}

function whole(object, name, least, most = Number.MAX_SAFE_INTEGER, place = "") {
  const value = field(object, name, place);
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw wrong(place, name, value, `a whole number from ${least} to ${most}`);
  }
  return value;
}

/** Milliseconds since 1970. */
function time(object, name, place = "") {
  const value = text(object, name, TIME, place);
  const moment = new Date(value);
  // Some engines take 30 February for 2 March.
  const there = !Number.isNaN(moment.getTime()) && moment.toISOString() === value;
  if (!there) throw wrong(place, name, value, "a time that there is");
  return moment.getTime();
}

function list(object, name, place = "") {
  const value = field(object, name, place);
  if (!Array.isArray(value)) throw wrong(place, name, value, "a list");
  return value;
}

function wrong(place, name, value, form) {
  return new Unusable(`Field ${place ? `${place}.${name}` : name} is ${shown(value)}, not ${form}.`);
}

function has(object, name) {
  return Object.hasOwn(object, name) && object[name] !== null && object[name] !== undefined;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value) {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const short = typeof value === "string" ? JSON.stringify(value) : String(value);
  return short.length <= 60 ? short : `${short.slice(0, 57)}...`;
}

// --- the algorithm

const encoder = new TextEncoder();

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function leafOf(raffleId, ticketNumber, purchaseId) {
  return sha256(encoder.encode(`\0${raffleId}\n${ticketNumber}\n${purchaseId}`));
}

function nodeOf(left, right) {
  const joined = new Uint8Array(65);
  joined[0] = 1;
  joined.set(left, 1);
  joined.set(right, 33);
  return sha256(joined);
}

/** The Merkle root of RFC 6962 over the tickets in their order, in hexadecimal. */
async function rootOf(raffleId, ledger) {
  const tickets = [];
  for (const { first, last, purchaseId } of ledger) {
    for (let number = first; number <= last; number += 1) tickets.push([number, purchaseId]);
  }
  let level = await inBatches(tickets.length, (place) => leafOf(raffleId, ...tickets[place]));
  while (level.length > 1) {
    const below = level;
    level = await inBatches(below.length >> 1, (place) => nodeOf(below[2 * place], below[2 * place + 1]));
    if (below.length % 2) level.push(below.at(-1));
  }
  return hex(level[0]);
}

async function inBatches(count, hash) {
  const hashes = [];
  for (let start = 0; start < count; start += BATCH) {
    const length = Math.min(BATCH, count - start);
    for (const one of await Promise.all(Array.from({ length }, (_, place) => hash(start + place)))) hashes.push(one);
  }
  return hashes;
}

/** RFC 9162, 2.1.3.2: the root that the receipt's path leads to; empty where its length is wrong. */
async function climbed(receipt) {
  let node = bytesOf(receipt.leaf);
  let position = receipt.position;
  let last = receipt.tickets - 1;
  for (const step of receipt.path.map(bytesOf)) {
    if (last === 0) return "";
    if (position % 2 || position === last) {
      node = await nodeOf(step, node);
      while (position && position % 2 === 0) [position, last] = [position >> 1, last >> 1];
    } else {
      node = await nodeOf(node, step);
    }
    [position, last] = [position >> 1, last >> 1];
  }
  return last === 0 ? hex(node) : "";
}

function contextOf({ raffleId, seedCommitment, ledgerRoot, tickets, salesClosedAt, entropy }) {
  const { source, chainHash, publicKey, genesisTime, period, round, signature, randomness } = entropy;
  const fixed = [ALGORITHM, raffleId, seedCommitment, ledgerRoot, tickets, salesClosedAt];
  return [...fixed, source, chainHash, publicKey, genesisTime, period, round, signature, randomness].join("\n");
}

async function hmacWith(key) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return async (message) => new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

async function* wordsOf(seed, context) {
  const ofSeed = await hmacWith(bytesOf(seed));
  const block = await hmacWith(await ofSeed(encoder.encode(context)));
  for (let number = 0n; ; number += 1n) {
    const counter = new DataView(new ArrayBuffer(8));
    counter.setBigUint64(0, number);
    yield new DataView((await block(counter.buffer)).buffer).getBigUint64(0);
  }
}

/** The tickets that had to be picked, by rank. */
async function picksOf(draw) {
  const positions = await sampled(wordsOf(draw.seed, contextOf(draw)), draw.tickets);
  return positions.map((position, rank) => ({ rank, ...ticketAt(draw.ledger, position) }));
}

function ticketAt(ledger, position) {
  let left = position;
  for (const { first, last, purchaseId } of ledger) {
    if (left <= last - first) return { ticketNumber: first + left, purchaseId };
    left -= last - first + 1;
  }
  throw new RangeError(`The ledger has no position ${position}.`);
}

// --- the checks

function check(name, ok, right, otherwise = right) {
  return { name, ok, detail: ok ? right : otherwise };
}

async function checksOf(draw, chainKey) {
  const checks = [
    check(
      "algorithm",
      draw.algorithm === ALGORITHM,
      `the rules of the draw are ${ALGORITHM}`,
      `the rules of the draw are ${draw.algorithm}; this page knows ${ALGORITHM} only`,
    ),
    check(
      "seed",
      hex(await sha256(bytesOf(draw.seed))) === draw.seedCommitment,
      "the shop's secret number is the one that it committed to when it made the raffle",
      "the shop's secret number is not the one that it committed to when it made the raffle: it was exchanged",
    ),
    ...(await ledgerChecks(draw)),
  ];
  if (draw.entropy.source === "drand") checks.push(...(await drandChecks(draw, chainKey)));
  const drand = draw.entropy.source === "drand";
  const [earliest, what] = drand ? [timeOf(draw.entropy), "its randomness came out"] : [draw.closedAt, "sales closed"];
  const after = draw.drawnAt >= earliest;
  checks.push(check("drawn at", after, `the draw was made after ${what}`, `the draw was made before ${what}`));
  return checks;
}

async function ledgerChecks(draw) {
  const disordered = disorder(draw.ledger);
  const total = draw.ledger.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const sound = !disordered && total === draw.tickets;
  return [
    check("ledger order", !disordered, "no ticket was sold twice", disordered),
    check(
      "tickets",
      total === draw.tickets,
      `the list of sold tickets has the ${total} tickets that were published when sales closed`,
      `the list of sold tickets has ${total} tickets; ${draw.tickets} were published when sales closed`,
    ),
    check(
      "ledger root",
      sound && (await rootOf(draw.raffleId, draw.ledger)) === draw.ledgerRoot,
      "the list of sold tickets is the one whose fingerprint was published when sales closed",
      "the list of sold tickets is not the one whose fingerprint was published when sales closed: it was changed",
    ),
  ];
}

function disorder(ledger) {
  let before = 0;
  for (const { first, last } of ledger) {
    if (first <= before || last < first) return `tickets ${first} to ${last} are out of order, or in the list twice`;
    before = last;
  }
  return "";
}

async function drandChecks({ closedAt, entropy }, chainKey) {
  const due = roundDue(closedAt, entropy);
  const moment = timeOf(entropy);
  const published = new Date(moment).toISOString();
  return [
    chainCheck(entropy, chainKey),
    check(
      "round",
      BigInt(entropy.round) === due,
      `drand's round ${due} is the one that the rule gives for when sales closed: it was not picked afterwards`,
      `the draw had to use drand's round ${due}; it used round ${entropy.round}, which may have been picked`,
    ),
    check(
      "round time",
      published === entropy.roundTime && moment > closedAt,
      `the round came out at ${published}, after sales had closed: nobody knew it when tickets were sold`,
      `the round came out at ${published}, not at ${entropy.roundTime}, or not after sales closed`,
    ),
    check(
      "randomness",
      hex(await sha256(bytesOf(entropy.signature))) === entropy.randomness,
      "the random number is the one that follows from drand's signature",
      "the random number does not follow from drand's signature: it was exchanged",
    ),
  ];
}

function chainCheck(entropy, chainKey) {
  const other = chainKey !== null && entropy.chainHash !== QUICKNET.chainHash;
  const pinned = other ? { publicKey: chainKey, scheme: QUICKNET.scheme } : QUICKNET;
  const names = Object.keys(pinned).filter((name) => entropy[name] !== pinned[name]).join(", ");
  return other
    ? check(
        "chain",
        !names,
        "ANOTHER chain than drand's public one, with the key that you gave: it proves no more than that key does",
        `${names} is not that of the chain whose key you gave`,
      )
    : check(
        "chain",
        !names,
        "the randomness is from quicknet, the public chain of drand",
        `${names} is not that of quicknet, the public chain of drand`,
      );
}

/** The first round that comes more than a period after sales have closed; whole numbers of any size. */
function roundDue(closedAt, { genesisTime, period }) {
  const length = BigInt(period) * 1000n;
  const since = BigInt(closedAt) + length - BigInt(genesisTime) * 1000n;
  const latest = (since - (((since % length) + length) % length)) / length + 1n;
  return latest + 1n;
}

/** When the round comes out, in milliseconds since 1970. */
function timeOf({ genesisTime, period, round }) {
  const moment = (genesisTime + (round - 1) * period) * 1000;
  if (moment > END_OF_TIME) {
    throw new Unusable("Fields entropy.genesisTime, entropy.period and entropy.round give no time.");
  }
  return moment;
}

function picksCheck(draw, expected) {
  if (!expected.length) return check("picks", false, "the winner cannot be computed from such a list of tickets");
  const same =
    draw.picks.length === expected.length &&
    draw.picks.every((one, place) => one.rank === place && one.ticketNumber === expected[place].ticketNumber);
  const [named, right] = [draw.picks, expected].map((picks) => numbersOf(picks.slice(0, PICKS)));
  return check(
    "picks",
    same,
    "the winner and the runner-ups are those that follow from all of this",
    `the document names tickets ${named || "none"}; the draw gives ${right}`,
  );
}

function numbersOf(picks) {
  return picks.map(({ ticketNumber }) => ticketNumber).join(", ");
}

async function receiptCheck(audit, receipt) {
  const raffleId = text(audit, "raffleId", ID);
  const ledgerRoot = text(audit, "ledgerRoot", HASH);
  const tickets = whole(audit, "tickets", 1, MOST_TICKETS);
  let reason = "";
  if (hex(await leafOf(raffleId, receipt.ticketNumber, receipt.purchaseId)) !== receipt.leaf) {
    reason = "its leaf is not of this raffle, ticket and purchase";
  } else if (receipt.tickets !== tickets || receipt.position >= tickets) {
    reason = `its place is ${receipt.position} of ${receipt.tickets} tickets; the raffle has ${tickets}`;
  } else if (receipt.root !== ledgerRoot || (await climbed(receipt)) !== ledgerRoot) {
    reason = "its path does not lead to the published fingerprint of the list of tickets";
  }
  const said = `ticket ${receipt.ticketNumber}, purchase ${receipt.purchaseId}`;
  return check("receipt", !reason, `${said}: ${reason || "it is in the list that the draw was made from"}`);
}

function notCheckedOf(draw) {
  return draw.entropy.source === "drand"
    ? ["signature: that drand's network signed this randomness; tools/verify_draw.py checks it"]
    : ["randomness: the shop's own machine made it, and that it was not chosen cannot be checked"];
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}
