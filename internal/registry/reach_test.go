package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

// TestUnreachable: the words for a host that nothing can be asked of.
func TestUnreachable(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5000}
	dial := func(err error) error {
		return fmt.Errorf("ping: %w", &url.Error{Op: "Get", URL: "https://a/v2/", Err: &net.OpError{Op: "dial", Net: "tcp", Addr: at, Err: err}})
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("it speaks no HTTPS"), ""},
		{dial(&net.DNSError{Err: "no such host", Name: "index.docker.io", IsNotFound: true}), "nobody knows the host index.docker.io; check its name and the network"},
		{dial(&net.DNSError{Err: "server misbehaving", Name: "a.b"}), "the address of the host a.b can't be found out: server misbehaving; check the network and /etc/resolv.conf"},
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused at 127.0.0.1:5000; check its name and port, and whether it runs"},
		{dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), "dial tcp 127.0.0.1:5000: connect: network is unreachable; check the network, and whether a proxy is needed (https_proxy)"},
		{&url.Error{Op: "Get", URL: "https://a", Err: x509.UnknownAuthorityError{}}, "x509: certificate signed by unknown authority; add its authority to those that this machine trusts"},
	} {
		if got := unreachable(test.err); got != test.want {
			t.Errorf("%v\ngot  %s\nwant %s", test.err, got, test.want)
		}
	}
}
