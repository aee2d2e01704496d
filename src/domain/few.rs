//! A map that is empty most of the time, and otherwise holds few things.
//! It knows nothing of what it holds.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// A map in the order of its keys that takes one word while it is empty, and no more than it holds otherwise. A record has a dozen
/// of them, and a daemon thousands of records.
#[derive(Debug, Clone)]
#[expect(clippy::box_collection, reason = "an empty list takes three words, and none behind a pointer one")]
pub struct Few<K, V>(Option<Box<Vec<(K, V)>>>);

impl<K, V> Few<K, V> {
    fn pairs(&self) -> &[(K, V)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn pairs_mut(&mut self) -> &mut [(K, V)] {
        self.0.as_deref_mut().map_or(&mut [], Vec::as_mut_slice)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Every key with its value, in the order of the keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.pairs().iter().map(|(key, value)| (key, value))
    }

    /// Every key, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.pairs().iter().map(|(key, _)| key)
    }

    /// Every value, in the order of the keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.pairs().iter().map(|(_, value)| value)
    }

    /// Every key with its value, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.pairs_mut().iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Every value, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.pairs_mut().iter_mut().map(|(_, value)| value)
    }

    /// Keeps those for which this holds.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        if let Some(pairs) = &mut self.0 {
            pairs.retain_mut(|(key, value)| keeps(key, value));
        }
        self.let_go();
    }

    /// What became empty takes no room.
    fn let_go(&mut self) {
        if self.is_empty() {
            self.0 = None;
        }
    }
}

impl<K: Ord, V> Few<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.pairs().binary_search_by(|(own, _)| own.borrow().cmp(key))
    }

    /// The value of this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.pairs().get(at).map(|(_, value)| value)
    }

    /// The value of this key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.pairs_mut().get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is a value of this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of this key, and returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => self.pairs_mut().get_mut(at).map(|(_, own)| std::mem::replace(own, value)),
            Err(at) => {
                self.put(at, key, value);
                None
            }
        }
    }

    /// The place of this key.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { at: self.find(&key), key, few: self }
    }

    fn put(&mut self, at: usize, key: K, value: V) {
        let pairs = self.0.get_or_insert_default();
        // Few more will come.
        pairs.reserve_exact(1);
        pairs.insert(at, (key, value));
    }

    /// Removes the value of this key and returns it.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        let (_, removed) = self.0.as_mut()?.remove(at);
        self.let_go();
        Some(removed)
    }
}

/// The place of a key, filled or not.
pub struct Entry<'a, K, V> {
    few: &'a mut Few<K, V>,
    key: K,
    at: Result<usize, usize>,
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    /// Its value, which is made where there is none yet.
    #[expect(clippy::indexing_slicing, reason = "it was found there, or was put there just now")]
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let Self { few, key, at } = self;
        let (Ok(at) | Err(at)) = at.inspect_err(|at| few.put(*at, key, make()));
        &mut few.0.get_or_insert_default()[at].1
    }

    /// Its value, which is this where there is none yet.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// Its value, which is the usual one where there is none yet.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Few<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.pairs() == other.pairs()
    }
}

impl<K: Eq, V: Eq> Eq for Few<K, V> {}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        BTreeMap::from_iter(pairs).into()
    }
}

impl<K, V> From<BTreeMap<K, V>> for Few<K, V> {
    fn from(map: BTreeMap<K, V>) -> Self {
        let sorted: Vec<(K, V)> = map.into_iter().collect();
        Self((!sorted.is_empty()).then(|| Box::new(sorted)))
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Few<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|pairs| *pairs).unwrap_or_default().into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a Few<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.pairs().iter().map(|(key, value)| (key, value))
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
        assert_eq!((few.insert(2, 'b'), few.insert(1, 'x'), few.insert(1, 'a')), (None, None, Some('x')));
        assert_eq!((*few.entry(3).or_insert('c'), *few.entry(3).or_insert('d'), few.len()), ('c', 'c', 3));
        few.values_mut().for_each(|value| value.make_ascii_uppercase());
        assert_eq!(few, Few::from([(3, 'C'), (2, 'B'), (1, 'A')]));
        assert_eq!(few.iter().rev().map(|(key, _)| *key).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!((&few).into_iter().next(), Some((&1, &'A')));
        assert_eq!(few.0.as_ref().map(|pairs| pairs.capacity()), Some(3), "no more than it holds");
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

    proptest::proptest! {
        #[test]
        fn it_does_what_a_map_does(steps in proptest::collection::vec((0..8_u8, 0..4_u8, 0..100_u32), 0..60)) {
            let (mut few, mut map) = (Few::default(), BTreeMap::new());
            for (key, what, value) in steps {
                match what {
                    0 => assert_eq!(few.insert(key, value), map.insert(key, value)),
                    1 => assert_eq!(few.remove(&key), map.remove(&key)),
                    2 => assert_eq!(few.entry(key).or_insert(value), map.entry(key).or_insert(value)),
                    _ => {
                        few.retain(|own, _| *own != key);
                        map.retain(|own, _| *own != key);
                    }
                }
                assert_eq!(few.get(&key), map.get(&key));
                assert!(few.iter().eq(map.iter()));
            }
        }
    }
}
