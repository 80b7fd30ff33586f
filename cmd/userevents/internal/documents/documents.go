// SPDX-License-Identifier: Apache-2.0

// Package documents makes of a command's help what a package installs beside it.
package documents

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Write writes man pages, one for each command, and completions for three shells below a folder that is laid out as
// /usr/share. The man pages bear a date. It changes the commands' texts.
func Write(root *cobra.Command, dir string, date time.Time) error {
	man := filepath.Join(dir, "man", "man1")
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	asMarkdown(root)
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{
		Section: "1", Manual: "User Commands", Source: root.Name() + " " + root.Version, Date: &date,
	}
	if err := doc.GenManTree(root, header, man); err != nil {
		return err
	}
	return writeCompletions(root, dir)
}

func writeCompletions(root *cobra.Command, dir string) error {
	for _, shell := range []struct {
		name  string
		write func(string) error
	}{
		{"bash-completion/completions/" + root.Name(), func(name string) error {
			return root.GenBashCompletionFileV2(name, true)
		}},
		{"zsh/site-functions/_" + root.Name(), root.GenZshCompletionFile},
		{"fish/vendor_completions.d/" + root.Name() + ".fish", func(name string) error {
			return root.GenFishCompletionFile(name, true)
		}},
	} {
		name := filepath.Join(dir, filepath.FromSlash(shell.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := shell.write(name); err != nil {
			return err
		}
	}
	return nil
}

// asMarkdown has Markdown, of which Cobra makes man pages, keep the help's tables: paragraphs with an indented line.
func asMarkdown(c *cobra.Command) {
	paragraphs := strings.Split(c.Long, "\n\n")
	for i, paragraph := range paragraphs {
		if strings.HasPrefix(paragraph, " ") || strings.Contains(paragraph, "\n ") {
			paragraphs[i] = "```\n" + paragraph + "\n```"
		} else {
			paragraphs[i] = literal.Replace(paragraph)
		}
	}
	c.Long = strings.Join(paragraphs, "\n\n")
	for _, child := range c.Commands() {
		asMarkdown(child)
	}
}

// literal escapes what Markdown takes for markup.
var literal = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, "[", `\[`)
