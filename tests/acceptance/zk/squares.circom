pragma circom 2.0.0;

// A number below 2^n, digit by digit.
template Digits(n) {
    signal input in;
    signal output out[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        sum += out[i] * (1 << i);
    }
    sum === in;
}

// The sum of the squares of k private numbers, each at most a public limit.
template Squares(k, n) {
    signal input limit;
    signal input values[k];
    signal output total;
    component below[k];
    signal sums[k + 1];
    sums[0] <== 0;
    for (var i = 0; i < k; i++) {
        below[i] = Digits(n);
        below[i].in <== limit - values[i];
        sums[i + 1] <== sums[i] + values[i] * values[i];
    }
    total <== sums[k];
}

component main {public [limit]} = Squares(4, 16);
