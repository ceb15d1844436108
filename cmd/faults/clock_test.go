package faults

// clockMark tells a process that it runs in the machine whose clock is changed.
const clockMark = "CONCLAVE_FAULTS_CLOCK"
