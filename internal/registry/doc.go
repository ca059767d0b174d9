// Package registry says where an image comes from, and gets it: from a
// registry, from an OCI layout (oci:PATH) or from what docker save and podman
// save write (docker-archive:PATH). It resolves a reference to one platform's
// manifest, checks everything that it is told, and delivers the layers as files
// whose sha256 is what the manifest says. It unpacks nothing and keeps nothing
// but the blobs it downloads; package store does.
//
// What a registry sends is treated as hostile: documents and answers are
// bounded, digests are verified before anything is believed, text of a server
// is cleaned before it is shown.
package registry
