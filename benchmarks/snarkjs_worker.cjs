// snarkjs and circom's program at work in one warm process. A line on the input names a verb and its
// files, separated by tabs; the milliseconds that it took come on the output:
//   setup R1CS PTAU ZKEY             prove ZKEY WTNS [PROOF PUBLIC]        verify VKEY PUBLIC PROOF
//   witness INPUT WASM WTNS          the program loaded once and kept, as a circuit of ours is
//   witness-from-file INPUT WASM WTNS    the program read and compiled each time, as snarkjs does
// "workers" answers how many threads snarkjs computes with.
const fs = require("fs");
const readline = require("readline");
const modules = "../tests/snarkjs/node_modules/";
const { groth16, wtns, zKey } = require(modules + "snarkjs");
const { WitnessCalculatorBuilder } = require(modules + "circom_runtime");
const { getCurveFromName } = require(modules + "ffjavascript");

const parsed = (path) => JSON.parse(fs.readFileSync(path, "utf8"));
const programs = new Map();

async function loaded(path) {
  if (!programs.has(path)) {
    programs.set(path, await WitnessCalculatorBuilder(fs.readFileSync(path)));
  }
  return programs.get(path);
}

const verbs = {
  prove: (zkey, witness, proof, publics) => async () => {
    const made = await groth16.prove(zkey, witness);
    if (proof) fs.writeFileSync(proof, JSON.stringify(made.proof));
    if (publics) fs.writeFileSync(publics, JSON.stringify(made.publicSignals));
    return true;
  },
  verify: (...texts) => {
    const values = texts.map(parsed);
    return () => groth16.verify(...values);
  },
  setup: (r1cs, ptau, zkey) => () => zKey.newZKey(r1cs, ptau, zkey),
  witness: async (input, program, file) => {
    const [values, calculator] = [parsed(input), await loaded(program)];
    return async () => {
      fs.writeFileSync(file, await calculator.calculateWTNSBin(values, 0));
      return true;
    };
  },
  "witness-from-file": (input, program, file) => {
    const values = parsed(input);
    return async () => {
      await wtns.calculate(values, program, file);
      return true;
    };
  },
};

async function run([verb, ...files]) {
  if (verb === "workers") return (await getCurveFromName("bn128")).tm.concurrency;
  const work = await verbs[verb](...files);
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
