package run

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// mapIDs gives an ordinary user's container its user namespace: with all the
// ids that the host lets the user have, or with one, the command's, which is
// the caller's own.
func mapIDs(spec *container.Spec, from *plan.Container, p *plan.Process, host ids.Host) error {
	st := &spec.Stage
	if host.None != nil {
		if what := needsRange(from, p); what != "" {
			return fmt.Errorf("%s needs more ids in the container than yours: %w", what, host.None)
		}
		spec.UserNS = container.OwnIDs(st.UID, st.GID)
		return nil
	}
	uids, err := ids.Request{
		Own: uint32(os.Geteuid()), Sub: host.UIDs, Inside: ranges(from.UIDs), ID: st.UID, External: p.ExternalUserID,
	}.Plan()
	if err != nil {
		return fmt.Errorf("cannot map user ids: %w", advised(err, host, "uids"))
	}
	gids, err := ids.Request{
		Own: uint32(os.Getegid()), Sub: host.GIDs, Inside: ranges(from.GIDs), ID: st.GID, Also: p.SupplementaryGIDs,
	}.Plan()
	if err != nil {
		return fmt.Errorf("cannot map group ids: %w", advised(err, host, "gids"))
	}
	spec.UserNS = &container.UserNS{UIDs: uids, GIDs: gids, Host: host}
	if st.SetGroups = spec.UserNS.SetGroups(); !st.SetGroups && len(p.SupplementaryGIDs) > 0 {
		return errors.New("supplementary-gids needs more groups in the container than yours: add another id to the gids of its container")
	}
	st.Groups = p.SupplementaryGIDs
	return nil
}

// advised adds to the reason why ids can't be mapped what the container's key lacks,
// or what is too small.
func advised(err error, host ids.Host, key string) error {
	var unwanted *ids.Unwanted
	if errors.As(err, &unwanted) {
		return fmt.Errorf("%w; add it to its %s", err, key)
	}
	if small := host.Small(); small != nil {
		return fmt.Errorf("%w; %w", err, small)
	}
	return err
}

// needsRange names what can't be had with the caller's own ids alone.
func needsRange(from *plan.Container, p *plan.Process) string {
	only := func(list []plan.IDRange, id *uint32) bool {
		return !slices.ContainsFunc(list, func(r plan.IDRange) bool {
			return r.First != r.Last || id == nil && r.First != 0 || id != nil && r.First != *id
		})
	}
	switch {
	case len(p.SupplementaryGIDs) > 0:
		return "supplementary-gids"
	case p.ExternalUserID != nil && *p.ExternalUserID != uint32(os.Geteuid()):
		return "external-user-id"
	case !only(from.UIDs, p.UserID):
		return "uids"
	case !only(from.GIDs, p.GroupID):
		return "gids"
	}
	return ""
}

func ranges(list []plan.IDRange) []ids.Range {
	var out []ids.Range
	for _, r := range list {
		out = append(out, ids.Range(r))
	}
	return out
}
