// Package agent reads what an agent in the field leaves for a supervisor: the
// file agent.json, checked. In return it writes container.json, the container
// as it was made, as an OCI runtime-spec configuration. It starts nothing.
package agent
