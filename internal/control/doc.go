// Package control serves the socket `control` of a supervisor: it accepts
// clients, hands their commands on in order, and gives each of them the newest
// state. What commands mean and when a state changes is decided elsewhere.
package control
