// Package store keeps what containers' roots are made of, by content: the layers
// of images, each unpacked once, and what recipes made on top of them. Any number
// of processes of a user use one store at once, and each may be killed at any
// moment: what is there is whole.
//
//	STORE/lock                shared while something is looked up and leased, exclusive while things are taken away
//	STORE/locks/NAME          held by who makes NAME, so that two make it once
//	STORE/blobs/HEX[.part]    downloads, until they are unpacked
//	STORE/images/HEX.json     what a reference was resolved to
//	STORE/logs/NAME           what steps printed that failed
//	STORE/tmp/NAME/           half-made things, each locked by who makes it
//	STORE/ids/MAP/layers/HEX/ fs/ is a layer as overlayfs wants it, node.json says what it is
//	STORE/ids/MAP/builds/HEX/ the same for what a recipe made
//	STORE/ids/MAP/caches/NAME folders that recipes and commands keep
//
// MAP names the ids that the files belong to, which differ with the id mapping
// of a user namespace. A node is there when its folder is: it is moved into its
// place when it is complete, and out of it before it is removed.
package store
