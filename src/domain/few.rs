//! A map that is empty most of the time.
//! It knows nothing of what it holds.

use std::collections::BTreeMap;
use std::collections::btree_map::{Entry, IntoIter, Iter};
use std::ops::Deref;

/// A map that takes one word while it is empty. A record has a dozen of them, and a daemon thousands of records.
#[derive(Debug, Clone)]
#[expect(clippy::box_collection, reason = "an empty map takes three words, and none behind a pointer one")]
pub struct Few<K, V>(Option<Box<BTreeMap<K, V>>>);

impl<K: 'static, V: 'static> Few<K, V> {
    const EMPTY: &'static BTreeMap<K, V> = &BTreeMap::new();
}

impl<K: Ord, V> Few<K, V> {
    /// Removes everything.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Keeps those for which this holds.
    pub fn retain(&mut self, keeps: impl FnMut(&K, &mut V) -> bool) {
        if let Some(map) = &mut self.0 {
            map.retain(keeps);
        }
        if self.0.as_ref().is_some_and(|map| map.is_empty()) {
            self.0 = None;
        }
    }

    /// Removes the value of this key and returns it.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let removed = self.0.as_mut()?.remove(key);
        if self.0.as_ref().is_some_and(|map| map.is_empty()) {
            self.0 = None;
        }
        removed
    }

    /// The value of this key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.as_mut()?.get_mut(key)
    }

    /// Sets the value of this key, and returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.get_or_insert_default().insert(key, value)
    }

    /// The place of this key, which is meant to be filled: to have asked takes the room.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        self.0.get_or_insert_default().entry(key)
    }

    /// Every key with its value, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().flat_map(|map| map.iter_mut())
    }

    /// Every value, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().flat_map(|map| map.values_mut())
    }
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: 'static, V: 'static> Deref for Few<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        self.0.as_deref().unwrap_or(Self::EMPTY)
    }
}

impl<K: PartialEq + 'static, V: PartialEq + 'static> PartialEq for Few<K, V> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<K: Eq + 'static, V: Eq + 'static> Eq for Few<K, V> {}

impl<K, V> From<BTreeMap<K, V>> for Few<K, V> {
    fn from(map: BTreeMap<K, V>) -> Self {
        Self((!map.is_empty()).then(|| Box::new(map)))
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Few<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        BTreeMap::from(pairs).into()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        BTreeMap::from_iter(pairs).into()
    }
}

impl<K, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        self.0.map(|map| *map).unwrap_or_default().into_iter()
    }
}

impl<'a, K: 'static, V: 'static> IntoIterator for &'a Few<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map_and_takes_one_word() {
        assert_eq!(size_of::<Few<String, String>>(), size_of::<usize>());
        let mut few: Few<u8, char> = Few::default();
        assert!(
            few.is_empty() && few.get(&1).is_none() && few.remove(&1).is_none() && few.get_mut(&1).is_none()
        );
        few.insert(1, 'a');
        few.entry(2).or_insert('b');
        few.values_mut().for_each(|value| value.make_ascii_uppercase());
        assert_eq!(few, Few::from([(2, 'B'), (1, 'A')]));
        assert_eq!((&few).into_iter().collect::<Vec<_>>(), [(&1, &'A'), (&2, &'B')]);
        few.retain(|key, _| *key == 2);
        assert_eq!(few.clone().into_iter().collect::<Few<_, _>>(), few);
        assert_eq!(few.remove(&2), Some('B'));
        assert!(few.0.is_none(), "what became empty takes no room");
    }

    #[test]
    fn an_empty_one_is_like_any_other_empty_one() {
        let mut touched: Few<u8, u8> = Few::default();
        touched.entry(1).or_default();
        touched.clear();
        assert!(touched.iter_mut().next().is_none() && touched.0.is_none(), "to look takes no room");
        assert_eq!(touched, Few::default());
    }
}
