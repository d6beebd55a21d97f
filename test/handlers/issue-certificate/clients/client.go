// Reads cases from standard input, one a line: id|port|host|CA file|certificate file or -|key file or -
// and says of each whether a TLS client that wants to reach the host accepts what listens on 127.0.0.1.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

func try(port, host, ca, cert, key string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("no certificates in the bundle")
	}
	config := &tls.Config{RootCAs: roots, ServerName: host}
	if cert != "-" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", "127.0.0.1:"+port, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(10 * time.Second))
	greeting, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return err
	}
	if greeting != "hello\n" {
		return fmt.Errorf("another greeting")
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		part := strings.Split(lines.Text(), "|")
		if err := try(part[1], part[2], part[3], part[4], part[5]); err != nil {
			fmt.Printf("%s|%s\n", part[0], strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Printf("%s|accepted\n", part[0])
		}
	}
}
