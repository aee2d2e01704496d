// Parses every certificate of a folder so many times, and prints the microseconds that one takes.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	rounds, _ := strconv.Atoi(os.Args[2])
	paths, _ := filepath.Glob(filepath.Join(os.Args[1], "*.pem"))
	ders := [][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		block, _ := pem.Decode(text)
		ders = append(ders, block.Bytes)
	}
	began := time.Now()
	for round := 0; round < rounds; round++ {
		for _, der := range ders {
			if _, err := x509.ParseCertificate(der); err != nil {
				panic(err)
			}
		}
	}
	fmt.Println(float64(time.Since(began).Microseconds()) / float64(rounds*len(ders)))
}
