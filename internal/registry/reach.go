package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
)

// unreachable says in few words why nothing could be asked of a host, with what to
// look at; "" if that is not what err is about.
func unreachable(err error) string {
	var name *net.DNSError
	var address *net.OpError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Sprintf("nobody knows the host %s; check its name and the network", clean(name.Name))
	case errors.As(err, &name):
		return fmt.Sprintf("the address of the host %s can't be found out: %s; check the network and /etc/resolv.conf", clean(name.Name), clean(name.Err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("connection refused at %s; check its name and port, and whether it runs", addressOf(err))
	case errors.As(err, &authority), errors.As(err, &certificate):
		return clean(innermost(err).Error()) + "; add its authority to those that this machine trusts"
	case errors.As(err, &address) && address.Op == "dial":
		return clean(address.Error()) + "; check the network, and whether a proxy is needed (https_proxy)"
	}
	return ""
}

// addressOf is where a connection was refused.
func addressOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return "its address"
}

// innermost is what went wrong with a request, without its method and URL.
func innermost(err error) error {
	var request *url.Error
	for errors.As(err, &request) {
		err = request.Err
	}
	return err
}
