//! What stands in a level of the Destination service, listed: entries by name alone, destinations whole.
//! It fetches no entry: a list of entries that is more than names would hold their private keys.

use super::Level;
use super::api::{Reply, Request};
use super::body;
use super::destination::Destination;
use super::destination_service::{DestinationService, certificates, destinations, read};
use crate::domain::reason::{Reason, Unseen};

/// How many destinations a page has where a level is read by pages: from so many on SAP recommends pages.
const PAGE: usize = 100;
/// The most pages that are read: ten times as many as SAP allows destinations.
const MOST_PAGES: usize = 100;

impl DestinationService {
    /// The names of all entries of a level.
    ///
    /// # Errors
    /// Why they could not be seen; an answer that ends in the middle is none.
    pub async fn list_names(&self, level: Level) -> Result<Vec<String>, Unseen> {
        let what = format!("list the certificates of the {}", level.word());
        let request = read(format!("{}?%24select=Name", certificates(level)), what);
        let reply = self.api.call(&request).await?;
        if reply.status != 200 {
            return Err(self.api.refused(&request, &reply).into());
        }
        body::names(&reply.body).map_err(|_| self.api.not_understood(&request, &reply).into())
    }

    /// The destinations of both levels that name this entry anywhere: as keystore or trust store, of the call or of its
    /// token service. Read as one list, because a page may lack what moved to another meanwhile.
    ///
    /// # Errors
    /// Why they could not all be seen.
    pub async fn named_by(&self, entry: &str) -> Result<Vec<String>, Unseen> {
        let mut names = Vec::new();
        for level in Level::ALL {
            let all = self.whole(level).await?;
            let naming = all.iter().filter(|destination| destination.names(entry));
            names.extend(naming.map(|destination| format!("{} ({})", destination.name(), level.word())));
        }
        Ok(names)
    }

    /// Every destination of a level; by pages where one list is more than can be had at once.
    ///
    /// # Errors
    /// Why they could not all be seen.
    pub async fn destinations(&self, level: Level) -> Result<Vec<Destination>, Unseen> {
        match self.whole(level).await {
            Err(unseen)
                if matches!(unseen.reason, Reason::TooLarge | Reason::Timeout | Reason::Truncated) =>
            {
                self.by_pages(level).await
            }
            listed => listed,
        }
    }

    async fn whole(&self, level: Level) -> Result<Vec<Destination>, Unseen> {
        let request = read(destinations(level).to_owned(), what(level));
        let reply = self.api.call(&request).await?;
        self.understood(&request, &reply)
    }

    fn understood(&self, request: &Request, reply: &Reply) -> Result<Vec<Destination>, Unseen> {
        if reply.status != 200 {
            return Err(self.api.refused(request, reply).into());
        }
        body::destinations(&reply.body).map_err(|_| self.api.not_understood(request, reply).into())
    }

    async fn by_pages(&self, level: Level) -> Result<Vec<Destination>, Unseen> {
        let mut all: Vec<Destination> = Vec::new();
        let (mut page, mut total) = (1, None);
        for _ in 0..MOST_PAGES {
            let path =
                format!("{}?%24page={page}&%24pageSize={PAGE}&%24entityCount=true", destinations(level));
            let request = read(path, what(level));
            let reply = self.api.call(&request).await?;
            let items = self.understood(&request, &reply)?;
            let count = items.len();
            all.extend(items);
            if *total.get_or_insert(reply.entity_count) != reply.entity_count {
                return Err(self.changed(level));
            }
            let next = next_page(&reply, page, count, all.len());
            match next {
                Some(next) if next > page => page = next,
                Some(_) => return Err(self.api.not_understood(&request, &reply).into()),
                None if total.flatten().is_some_and(|total| total != all.len()) => {
                    return Err(self.changed(level));
                }
                None => return Ok(all),
            }
        }
        let text = format!(
            "could not {} ({}): there are more than {MOST_PAGES} pages",
            what(level),
            self.connection()
        );
        Err(Unseen::new(Reason::TooLarge, text))
    }

    fn changed(&self, level: Level) -> Unseen {
        let text = format!(
            "could not {} ({}): they changed while they were read page by page; they are read again with the next check",
            what(level),
            self.connection()
        );
        Unseen::new(Reason::StateChanged, text)
    }
}

fn what(level: Level) -> String {
    format!("list the destinations of the {}", level.word())
}

/// The page after this one, where there is one: by the `Link` header, else by what is still missing.
fn next_page(reply: &Reply, page: usize, count: usize, so_far: usize) -> Option<usize> {
    if let Some(link) = &reply.link {
        return linked(link, "next");
    }
    let more = match reply.entity_count {
        Some(total) => so_far < total && count > 0,
        None => count == PAGE,
    };
    more.then_some(page + 1)
}

/// The page that a `Link` header names with this relation: `</subaccountDestinations?$page=3&$pageSize=10>; rel='next'`.
/// Only the number is taken; where the link leads otherwise is not followed.
fn linked(header: &str, relation: &str) -> Option<usize> {
    header.split('<').skip(1).find_map(|link| {
        let (target, rest) = link.split_once('>')?;
        let relations = rest.split([';', ',']).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches(['\'', '"']).to_owned())
        })?;
        let named = relations.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(relation));
        let (_, query) = target.split_once('?').filter(|_| named)?;
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            matches!(name, "$page" | "%24page").then(|| value.parse().ok())?
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_by_its_relation() {
        let previous = "</subaccountDestinations?$page=1&$pageSize=10>; rel='previous'";
        let next = "</subaccountDestinations?$page=3&$pageSize=10>; rel='next'";
        for (header, expected) in [
            (format!("{previous}, {next}"), Some(3)),
            (format!("{next}, {previous}"), Some(3)),
            (previous.to_owned(), None),
            (
                "<https://elsewhere.example.org/x?%24pageSize=10&%24page=4>; title=\"a\"; Rel=\"last next\""
                    .to_owned(),
                Some(4),
            ),
            ("</x?$page=two>; rel=next".to_owned(), None),
            ("</x>; rel=next".to_owned(), None),
            ("nonsense".to_owned(), None),
        ] {
            assert_eq!(linked(&header, "next"), expected, "{header}");
        }
    }
}
