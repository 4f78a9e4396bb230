// snarkjs at the same work, in one warm process: a line "prove ZKEY WTNS" or "verify VKEY PUBLIC
// PROOF" on the input, the milliseconds it took on the output.
const fs = require("fs");
const readline = require("readline");
const { groth16 } = require("../tests/snarkjs/node_modules/snarkjs");

const parsed = (path) => JSON.parse(fs.readFileSync(path, "utf8"));

async function run([verb, ...files]) {
  const inputs = verb === "verify" ? files.map(parsed) : files;
  const started = process.hrtime.bigint();
  const result = await groth16[verb](...inputs);
  const milliseconds = Number(process.hrtime.bigint() - started) / 1e6;
  if (!result) throw new Error(`${verb} refused ${files}`);
  return milliseconds;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(await run(line.split("\t")));
  }
  process.exit(0);
})();
