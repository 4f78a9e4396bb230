pragma circom 2.0.0;
include "circomlib/circuits/poseidon.circom";

// What benchmarks/zk.py builds in Python: `count` Merkle paths of `depth` levels, their roots
// public, and a purpose that a square binds.
template Root(depth) {
    signal input leaf;
    signal input siblings[depth];
    signal input places[depth];
    signal output root;
    component level[depth];
    signal across[depth];
    signal nodes[depth + 1];
    nodes[0] <== leaf;
    for (var i = 0; i < depth; i++) {
        places[i] * (1 - places[i]) === 0;
        across[i] <== places[i] * (siblings[i] - nodes[i]);
        level[i] = Poseidon(2);
        level[i].inputs[0] <== nodes[i] + across[i];
        level[i].inputs[1] <== siblings[i] - across[i];
        nodes[i + 1] <== level[i].out;
    }
    root <== nodes[depth];
}

template Roots(count, depth) {
    signal input purpose;
    signal input leaves[count];
    signal input siblings[count][depth];
    signal input places[count][depth];
    signal output roots[count];
    signal bound <== purpose * purpose;
    component path[count];
    for (var j = 0; j < count; j++) {
        path[j] = Root(depth);
        path[j].leaf <== leaves[j];
        path[j].siblings <== siblings[j];
        path[j].places <== places[j];
        roots[j] <== path[j].root;
    }
}
