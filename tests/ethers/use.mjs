// Deploys and uses a contract through ethers, naming no fee; prints one JSON object.
// Arguments: the node's address, the author's and a member's private key on standard input.
import { readFileSync } from "node:fs";
import { Contract, ContractFactory, JsonRpcProvider, Wallet } from "ethers";

const [url, compiledFile] = process.argv.slice(2);
const [authorKey, memberKey] = readFileSync(0, "utf8").trim().split("\n");
const compiled = JSON.parse(readFileSync(compiledFile, "utf8"));
// Blocks here come faster than the quarter of a second for which ethers would repeat an old answer.
const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 100, cacheTimeout: -1 });
const author = new Wallet(authorKey, provider);
const member = new Wallet(memberKey, provider);

const deployed = await new ContractFactory(compiled.abi, compiled.bytecode, author).deploy();
await deployed.waitForDeployment();
const book = new Contract(await deployed.getAddress(), compiled.abi, member);

const receipts = [];
for (const step of [3, 4]) receipts.push(await (await book.add(step)).wait());
const logs = await book.queryFilter(book.filters.Counted(member.address), 0);
let revert = null;
try {
  await book.add.staticCall(0);
} catch (error) {
  revert = error.reason;
}
const block = await provider.getBlock(receipts[1].blockNumber, true);
console.log(
  JSON.stringify({
    total: Number(await book.counts(member.address)),
    statuses: receipts.map((receipt) => receipt.status),
    fees: receipts.map((receipt) => Number(receipt.gasPrice)),
    logs: logs.map((log) => Number(log.args.total)),
    revert,
    inBlock: block.prefetchedTransactions.some((found) => found.hash === receipts[1].hash),
    chainId: Number((await provider.getNetwork()).chainId),
  }),
);
provider.destroy();
