// snarkjs at the same work, in one warm process: a line on the input names a verb and its files
// ("prove ZKEY WTNS", "verify VKEY PUBLIC PROOF", "setup R1CS PTAU ZKEY", "witness INPUT WASM
// WTNS"), the milliseconds it took come on the output.
const fs = require("fs");
const readline = require("readline");
const { groth16, wtns, zKey } = require("../tests/snarkjs/node_modules/snarkjs");

const parsed = (path) => JSON.parse(fs.readFileSync(path, "utf8"));

const verbs = {
  prove: (zkey, witness) => () => groth16.prove(zkey, witness),
  verify: (...texts) => {
    const values = texts.map(parsed);
    return () => groth16.verify(...values);
  },
  setup: (r1cs, ptau, zkey) => () => zKey.newZKey(r1cs, ptau, zkey),
  witness: (input, program, file) => {
    const values = parsed(input);
    return async () => (await wtns.calculate(values, program, file)) || true;
  },
};

async function run([verb, ...files]) {
  const work = verbs[verb](...files);
  const started = process.hrtime.bigint();
  const result = await work();
  const milliseconds = Number(process.hrtime.bigint() - started) / 1e6;
  if (!result || result === -1) throw new Error(`${verb} refused ${files}`);
  return milliseconds;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(await run(line.split("\t")));
  }
  process.exit(0);
})();
